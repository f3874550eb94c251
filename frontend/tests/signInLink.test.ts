import { createPinia, setActivePinia } from "pinia";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { nextTick } from "vue";
import { createPanelRouter } from "@/router";
import { followLink, takeToken } from "@/signInLink";
import { useSession } from "@/stores/access/session";
import { useConfirmation } from "@/stores/confirmation";
import { useNotices } from "@/stores/notices";

const KEY = "plumber.token";
const ROLES: Record<string, string> = { plb_mine: "viewer", plb_link: "admin" };

/** Stands in for the control plane: these tokens are known, and `plb_down` breaks the connection. */
function answer({ headers }: Request): Promise<Response> {
  const token = headers.get("Authorization")!.replace("Bearer ", "");
  if (token === "plb_down") return Promise.reject(new TypeError("failed"));
  const role = ROLES[token];
  const data = role ? { id: token, name: token.slice(4), role, permissions: [] } : null;
  const body = { code: role ? 0 : 1002, message: "No.", data, timestamp: "2026-01-01T00:00:00Z" };
  return Promise.resolve(new Response(JSON.stringify(body), { status: role ? 200 : 401 }));
}

const texts = () => useNotices().notices.map((notice) => notice.text);

async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setTimeout(resolve));
  await nextTick();
}

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  window.history.replaceState(null, "", "#/");
  vi.stubGlobal("fetch", vi.fn(answer));
  setActivePinia(createPinia());
});

describe("the address", () => {
  it("gives its token once, and keeps nothing of it", () => {
    window.history.replaceState(null, "", "#token=plb_link");
    const entries = window.history.length;
    expect(takeToken()).toBe("plb_link");
    expect(window.location.hash).toBe("#/");
    expect(window.history.length).toBe(entries);
    expect(takeToken()).toBeNull();
  });

  it.each(["", "#/", "#/runs", "#/tasks/new?token=x", "#/token=x"])("%s is no link", (hash) => {
    window.history.replaceState(null, "", hash || "/");
    const before = window.location.href;
    expect(takeToken()).toBeNull();
    expect(window.location.href).toBe(before);
  });

  it("loses a damaged token too", () => {
    window.history.replaceState(null, "", "#token=");
    expect(takeToken()).toBe("");
    expect(window.location.hash).toBe("#/");
  });
});

describe("a link", () => {
  it("signs in for this tab only, and says as whom", async () => {
    await followLink("plb_link");
    expect(useSession().principal?.name).toBe("link");
    expect([sessionStorage.getItem(KEY), localStorage.getItem(KEY)]).toEqual(["plb_link", null]);
    expect(texts()).toEqual(["The link signed you in as link (admin)."]);
  });

  it.each(["plb_gone", "", "plb_\u2603"])("with the token '%s' leads to a message", async (token) => {
    await followLink(token);
    expect(useSession().isSignedIn).toBe(false);
    expect(useSession().reason).toMatch(/^The token of this link is not known, has expired/);
  });

  it("says when the control plane does not answer", async () => {
    await followLink("plb_down");
    expect(useSession().reason).toBe("The control plane cannot be reached.");
  });

  it("takes the place of a kept token that is no longer good", async () => {
    localStorage.setItem(KEY, "plb_old");
    await followLink("plb_link");
    expect(useSession().token).toBe("plb_link");
    expect(localStorage.getItem(KEY)).toBeNull();
    expect(useSession().reason).toBe("");
  });

  it("with the token that is signed in changes nothing", async () => {
    localStorage.setItem(KEY, "plb_mine");
    await followLink("plb_mine");
    expect(localStorage.getItem(KEY)).toBe("plb_mine");
    expect(texts()).toEqual([]);
  });
});

describe("somebody who is signed in", () => {
  beforeEach(() => localStorage.setItem(KEY, "plb_mine"));

  it("is asked, and stays who they are when they do not want to", async () => {
    await followLink("plb_link");
    expect(useSession().token).toBe("plb_mine");
    expect(useConfirmation().question?.text).toContain("You are signed in as mine (viewer).");
    expect(useConfirmation().question?.text).toContain("signs in as link (admin)");
    useConfirmation().answer(false);
    await settled();
    expect(useSession().token).toBe("plb_mine");
    expect(texts()).toEqual(["You are still signed in as mine (viewer)."]);
  });

  it("is asked, and switches when they want to", async () => {
    await followLink("plb_link");
    useConfirmation().answer(true);
    await settled();
    expect(useSession().principal?.role).toBe("admin");
    expect([sessionStorage.getItem(KEY), localStorage.getItem(KEY)]).toEqual(["plb_link", null]);
  });

  it("stays so when the link is no good, and hears of it", async () => {
    await followLink("plb_gone");
    expect(useSession().token).toBe("plb_mine");
    expect(useConfirmation().question).toBeNull();
    expect(texts()[0]).toMatch(/^The token of this link is not known/);
  });
});

describe("the router", () => {
  it("does not see a link that is opened in a tab that shows the panel", async () => {
    sessionStorage.setItem(KEY, "plb_mine");
    const router = createPanelRouter();
    await router.push("/agents");
    window.history.pushState(null, "", "#token=plb_link");
    window.dispatchEvent(new PopStateEvent("popstate", { state: null }));
    expect(window.location.hash).toBe("#/agents");
    await settled();
    expect(router.currentRoute.value.fullPath).toBe("/agents");
    expect(useConfirmation().question?.action).toBe("Sign in by the link");
  });

  it("goes on to where somebody wanted to go who was signed in by a link", async () => {
    const router = createPanelRouter();
    await router.push("/tasks");
    expect(router.currentRoute.value.path).toBe("/sign-in");
    await followLink("plb_link");
    await settled();
    expect(router.currentRoute.value.fullPath).toBe("/tasks");
    await router.push("/sign-in");
    expect(router.currentRoute.value.fullPath).toBe("/");
  });
});
