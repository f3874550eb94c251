import { getMe } from "@/api/access";
import { Code, hasCode, messageOf } from "@/api/errors";
import type { Principal } from "@/api/types";
import { useSession } from "@/stores/access/session";
import { useConfirmation } from "@/stores/confirmation";
import { useNotices } from "@/stores/notices";

const LINK = /^#token=(.*)$/s;
const TOKEN = /^[\w.-]+$/;
const REFUSED = "The token of this link is not known, has expired, or was revoked.";

/**
 * The token of a link that signs in (`…/#token=plb_…`, which `make up` prints), or null when the
 * address is no such link. It is taken out of the address and of this tab's history at once;
 * `instead` and `state` become the entry's. A fragment is not sent to any server.
 */
export function takeToken(instead = "#/", state: unknown = null): string | null {
  const found = LINK.exec(window.location.hash);
  if (!found) return null;
  window.history.replaceState(state, "", instead);
  return found[1] ?? "";
}

/**
 * Signs in with a link's token, for this tab, like the sign-in page. Whoever sends somebody a link
 * may have put a token of their own into it: so it is said who was signed in, and somebody who is
 * signed in already is asked first. Ends when everything but that question is settled; never raises.
 */
export async function followLink(token: string): Promise<void> {
  const session = useSession();
  const notices = useNotices();
  if (token === session.token) return;
  try {
    await session.restore();
    const offered = await whoHas(token);
    if (session.principal) return void askToSwitch(token, offered, session.principal);
    await session.signIn(token, false);
    notices.done(`The link signed you in as ${nameOf(offered)}.`);
  } catch (error) {
    if (session.isSignedIn) notices.failed(error);
    else session.signOut(messageOf(error));
  }
}

async function whoHas(token: string): Promise<Principal> {
  if (!TOKEN.test(token)) throw new Error(REFUSED); // it would not even fit into a header
  try {
    return await getMe(token);
  } catch (error) {
    throw hasCode(error, Code.notAuthenticated) ? new Error(REFUSED) : error;
  }
}

async function askToSwitch(token: string, offered: Principal, current: Principal): Promise<void> {
  const session = useSession();
  const notices = useNotices();
  const wantsTo = await useConfirmation().ask({
    title: `Sign in as ${offered.name}?`,
    text:
      `You are signed in as ${nameOf(current)}. The link that was opened signs in as ` +
      `${nameOf(offered)}. If you did not expect that, keep it as it is.`,
    action: "Sign in by the link",
  });
  if (!wantsTo) return notices.done(`You are still signed in as ${nameOf(current)}.`);
  session.signOut(); // leaves the pages: nothing of one person's is shown to the other
  try {
    await session.signIn(token, false);
  } catch (error) {
    session.signOut(messageOf(error));
  }
}

function nameOf(principal: Principal): string {
  return `${principal.name} (${principal.role})`;
}
