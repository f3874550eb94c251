import { defineStore } from "pinia";
import { computed, ref } from "vue";
import { getMe } from "@/api/access";
import { useCredentials } from "@/api/client";
import { Code, hasCode } from "@/api/errors";
import type { Principal } from "@/api/types";
import { t } from "@/locales";

const KEY = "plumber.token";

/** What a role may do; the control plane checks it, the panel only hides what would be refused. */
export type Permission =
  | "agents:write"
  | "enrollments:write"
  | "tasks:write"
  | "runs:trigger"
  | "runs:cancel"
  | "tokens:write"
  | "work:write";

/** Who is signed in. The token lives in this tab, or in the browser when it is to be kept. */
export const useSession = defineStore("session", () => {
  const token = ref(sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY));
  const principal = ref<Principal | null>(null);
  /** Why the sign-in page is shown; empty when nothing needs saying. */
  const reason = ref("");

  const isSignedIn = computed(() => token.value !== null);

  function can(permission: Permission): boolean {
    return principal.value?.permissions.includes(permission) ?? false;
  }

  /** Commands belong to no task: who is narrowed to tasks runs none. */
  const mayCommand = computed(
    () => can("tasks:write") && (principal.value?.scope.tasks ?? []).length === 0,
  );

  /** Tries a token and keeps it if it is one. Raises ApiError. */
  async function signIn(given: string, keep: boolean): Promise<void> {
    principal.value = await getMe(given);
    forget();
    (keep ? localStorage : sessionStorage).setItem(KEY, given);
    token.value = given;
    reason.value = "";
  }

  /** Learns who a kept token is. Raises ApiError, except when the token is refused. */
  async function restore(): Promise<void> {
    if (token.value === null || principal.value !== null) return;
    try {
      principal.value = await getMe();
    } catch (error) {
      if (!hasCode(error, Code.notAuthenticated)) throw error;
    }
  }

  function signOut(why = ""): void {
    forget();
    token.value = null;
    principal.value = null;
    reason.value = why;
  }

  function forget(): void {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  }

  useCredentials({
    token: () => token.value,
    refused: () => signOut(t("signIn.signedOut")),
  });

  return { token, principal, reason, isSignedIn, can, mayCommand, signIn, restore, signOut };
});
