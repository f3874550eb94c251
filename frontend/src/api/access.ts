import { answered, api, asked, bearer } from "./client";
import { ApiError, Code } from "./errors";
import type { NewToken, Page, Principal, Token, TokenSecret } from "./types";

const FITS_A_HEADER = /^[\x21-\x7e]+$/;

/** Who the token is; `token` tries one that is not signed in yet. */
export async function getMe(token?: string): Promise<Principal> {
  if (token === undefined) return answered(api.GET("/api/v1/me"));
  if (!FITS_A_HEADER.test(token)) throw new ApiError(Code.notAuthenticated, "This is no token.");
  return answered(api.GET("/api/v1/me", { headers: { Authorization: bearer(token) } }));
}

export function listTokens(cursor: string | null, signal?: AbortSignal): Promise<Page<Token>> {
  const query = asked({ limit: 100, cursor });
  return answered(api.GET("/api/v1/tokens", { params: { query }, signal }));
}

export function createToken(body: NewToken): Promise<TokenSecret> {
  return answered(api.POST("/api/v1/tokens", { body }));
}

export function revokeToken(id: string): Promise<null> {
  return answered(api.DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id: id } } }));
}
