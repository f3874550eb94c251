import { getMe } from "@/api/access";
import { Code, hasCode, messageOf } from "@/api/errors";
import type { Principal } from "@/api/types";
import { t } from "@/locales";
import { useSession } from "@/stores/access/session";
import { useConfirmation } from "@/stores/confirmation";
import { useNotices } from "@/stores/notices";

const LINK = /^#token=(.*)$/s;
const TOKEN = /^[\w.-]+$/;

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
    notices.done(t("signIn.linkDone", { name: nameOf(offered) }));
  } catch (error) {
    if (session.isSignedIn) notices.failed(error);
    else session.signOut(messageOf(error));
  }
}

async function whoHas(token: string): Promise<Principal> {
  if (!TOKEN.test(token)) throw new Error(t("signIn.linkRefused")); // it would not even fit into a header
  try {
    return await getMe(token);
  } catch (error) {
    throw hasCode(error, Code.notAuthenticated) ? new Error(t("signIn.linkRefused")) : error;
  }
}

async function askToSwitch(token: string, offered: Principal, current: Principal): Promise<void> {
  const session = useSession();
  const notices = useNotices();
  const wantsTo = await useConfirmation().ask({
    title: t("signIn.switchTitle", { name: offered.name }),
    text: t("signIn.switchText", { current: nameOf(current), offered: nameOf(offered) }),
    action: t("signIn.switchAction"),
  });
  if (!wantsTo) return notices.done(t("signIn.stillAs", { name: nameOf(current) }));
  session.signOut(); // leaves the pages: nothing of one person's is shown to the other
  try {
    await session.signIn(token, false);
  } catch (error) {
    session.signOut(messageOf(error));
  }
}

function nameOf(principal: Principal): string {
  return t("signIn.who", { name: principal.name, role: t(`role.${principal.role}`) });
}
