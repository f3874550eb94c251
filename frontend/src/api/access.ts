import { call } from "./client";
import type { NewToken, Page, Principal, Token, TokenSecret } from "./types";

/** Who the token is; `token` tries one that is not signed in yet. */
export function getMe(token?: string): Promise<Principal> {
  return call("GET", "/me", token === undefined ? {} : { token });
}

export function listTokens(cursor: string | null, signal?: AbortSignal): Promise<Page<Token>> {
  return call("GET", "/tokens", { query: { limit: 100, cursor }, signal });
}

export function createToken(token: NewToken): Promise<TokenSecret> {
  return call("POST", "/tokens", { body: token });
}

export function revokeToken(id: string): Promise<null> {
  return call("DELETE", `/tokens/${id}`);
}
