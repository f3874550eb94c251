import type { Job, RunDetail } from "@/api/types";
import { t } from "@/locales";

/** Why a run ended as it did, in one sentence: of the job that it was about, else as the API says. */
export function whyOf({ run, steps, cause }: RunDetail, job: Job | null): string {
  const step = steps.find((each) => each.number === job?.step);
  if (job === null || step === undefined || job.id !== cause) return run.reason ?? "";
  const about = { step: step.name, agent: job.agent_name, code: String(job.exit_code ?? "") };
  switch (job.state) {
    case "failed": return job.exit_code === null ? withReason("broke") : t("run.why.failed", about);
    case "timed_out": return t("run.why.timed_out", about);
    case "lost": return withReason("lost");
    case "undelivered": return t("run.why.undelivered", about);
  }
  return run.reason ?? "";

  function withReason(key: "broke" | "lost"): string {
    const sentence = t(`run.why.${key}`, about);
    return job?.reason ? `${sentence} (${job.reason})` : sentence;
  }
}
