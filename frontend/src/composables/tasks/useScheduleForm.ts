import { keepPreviousData, useQuery } from "@tanstack/vue-query";
import { computed, reactive, ref, watch, type Ref } from "vue";
import { keys } from "@/api/queries";
import { changeSchedule, createSchedule, previewTimes } from "@/api/schedules";
import { getTask } from "@/api/tasks";
import type { Schedule } from "@/api/types";
import { useChange } from "@/composables/useChange";
import { useDebounced } from "@/composables/useDebounced";
import { t } from "@/locales";
import { ownZone } from "@/rules/tasks/schedules";

/** What somebody fills in to make a schedule, or to change the one that is given. */
export function useScheduleForm(given: Readonly<Ref<Schedule | null>>, taskId: Readonly<Ref<string>>) {
  const form = reactive({
    task: "",
    cron: "",
    zone: "",
    overlap: "skip" as Schedule["overlap"],
    catchUp: "none" as Schedule["catch_up"],
    isPaused: false,
  });
  const values = ref<Record<string, string>>({});
  /** What is previewed: the expression once nobody is typing any more. */
  const asked = ref("");
  const ask = useDebounced(() => (asked.value = form.cron.trim()));

  function fill(): void {
    const { value } = given;
    form.task = value?.task_id ?? taskId.value;
    form.cron = asked.value = value?.cron ?? "";
    form.zone = value?.time_zone ?? ownZone();
    form.overlap = value?.overlap ?? "skip";
    form.catchUp = value?.catch_up ?? "none";
    form.isPaused = value?.paused ?? false;
    values.value = { ...value?.parameters };
    reset();
  }

  const { data: task } = useQuery({
    queryKey: computed(() => keys.task(form.task)),
    queryFn: ({ signal }) => getTask(form.task, signal),
    enabled: computed(() => form.task !== ""),
    retry: false,
  });
  const params = computed(() => (task.value?.task.id === form.task ? task.value.params : []));
  /** They cannot be kept in a schedule. */
  const secrets = computed(() => params.value.filter((each) => each.secret && each.default === null));
  const asking = computed(() => params.value.filter((each) => !each.secret));

  const preview = useQuery({
    queryKey: computed(() => [...keys.schedules, "preview", asked.value, form.zone]),
    queryFn: ({ signal }) => previewTimes(asked.value, form.zone, signal),
    enabled: computed(() => asked.value !== "" && form.zone !== ""),
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 30_000,
  });

  /** Fields that are empty are left out: then the task's default counts. */
  function parameters(): Record<string, string> {
    const filled = asking.value.filter((each) => (values.value[each.name] ?? "") !== "");
    return Object.fromEntries(filled.map((each) => [each.name, values.value[each.name] ?? ""]));
  }

  const saving = useChange({
    change: () => {
      const wanted = {
        cron: form.cron.trim(),
        time_zone: form.zone,
        overlap: form.overlap,
        catch_up: form.catchUp,
        paused: form.isPaused,
        parameters: parameters(),
      };
      return given.value
        ? changeSchedule(given.value.id, wanted)
        : createSchedule({ task_id: form.task, ...wanted });
    },
    invalidates: [keys.schedules],
    done: () => (given.value ? t("schedules.saved") : t("schedules.made")),
    isQuiet: true,
  });

  function reset(): void {
    saving.reset();
  }

  watch(() => form.cron, ask);
  return { form, values, params: asking, secrets, preview, asked, fill, saving };
}
