import type { Overview, Run } from "@/api/types";
import { count, t } from "@/locales";
import { formatList, formatNumber } from "@/rules/format";
import type { Tone } from "@/rules/states";

/** Something that a person should see to: what it is, why, and where one goes on. */
export interface Concern {
  key: string;
  kind: "failing" | "gone" | "schedule" | "log" | "letters";
  tone: Tone;
  title: string;
  text: string;
  /** Since when; null where nobody knows. */
  at: string | null;
  /** Null where it is looked at in place: dead letters. */
  to: string | null;
  action: string;
}

const NAMED = 3;
/** Logs given up are named one by one up to here. */
const LOGS = 3;

/**
 * What needs attention, what is worst first. `latest` are runs that were read later than the
 * overview, newest first: a task that has gone well meanwhile is not told any more.
 */
export function concerns(overview: Overview, latest: readonly Run[]): Concern[] {
  return [
    ...letters(overview),
    ...overview.failing.filter((each) => !isMended(each, latest)).map(failing),
    ...gone(overview),
    ...overview.schedules_failing.map(schedule),
    ...overview.logs_given_up.slice(0, LOGS).map(log),
  ];
}

function isMended({ task_id, is_command, run_id }: Overview["failing"][number], latest: readonly Run[]) {
  // Ids of runs are in the order of time.
  return latest.some(
    (run) =>
      run.state === "succeeded" &&
      run.id > run_id &&
      (is_command ? run.retry_of === run_id : run.task_id === task_id),
  );
}

function failing(each: Overview["failing"][number]): Concern {
  const { task_name: name } = each;
  return {
    key: `failing ${each.run_id}`,
    kind: "failing",
    tone: "bad",
    title:
      each.count > 1
        ? t("overview.failedTimes", { name, n: formatNumber(each.count) })
        : t(each.state === "timed_out" ? "overview.timedOut" : "overview.failed", { name }),
    text: each.reason ?? "",
    at: each.created_at,
    to: `/runs/${each.run_id}`,
    action: t("overview.seeWhy"),
  };
}

function gone({ agents, agents_gone: named }: Overview): Concern[] {
  if (agents.offline === 0) return [];
  const names = named.slice(0, NAMED).map((each) => each.name);
  const more = agents.offline - names.length;
  const [first] = names;
  const text = agents.offline === 1 && first ? "" : formatList(names);
  return [
    {
      key: "gone",
      kind: "gone",
      tone: "warn",
      title:
        agents.offline === 1 && first
          ? t("overview.isOffline", { name: first })
          : count("overview.areOffline", agents.offline),
      text: [
        more > 0 && text ? t("overview.andMore", { names: text, n: formatNumber(more) }) : text,
        t("overview.offlineText"),
      ]
        .filter(Boolean)
        .join(" · "),
      at: named[0]?.last_seen_at ?? null,
      to: agents.offline === 1 && named[0] ? `/agents/${named[0].id}` : "/agents?status=offline",
      action: count("overview.showAgents", agents.offline),
    },
  ];
}

function schedule(each: Overview["schedules_failing"][number]): Concern {
  return {
    key: `schedule ${each.id}`,
    kind: "schedule",
    tone: "warn",
    title: t("overview.noRunMade", { cron: each.cron, name: each.task_name ?? each.task_id }),
    text: each.last_problem ?? "",
    at: each.last_due_at,
    to: `/schedules/${each.id}`,
    action: t("overview.showSchedule"),
  };
}

function log(each: Overview["logs_given_up"][number]): Concern {
  return {
    key: `log ${each.run_id} ${each.job_id}`,
    kind: "log",
    tone: "warn",
    title: t("overview.logGivenUp", { name: each.task_name }),
    text: t("overview.logGivenUpText"),
    at: each.at,
    to: `/runs/${each.run_id}?job=${each.job_id}`,
    action: t("overview.showLog"),
  };
}

function letters({ dead_letters: n }: Overview): Concern[] {
  if (!n) return [];
  return [
    {
      key: "letters",
      kind: "letters",
      tone: "bad",
      title: count("overview.letters", n),
      text: t("overview.lettersText"),
      at: null,
      to: null,
      action: t("overview.showLetters"),
    },
  ];
}
