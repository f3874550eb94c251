import { defineComponent, h, type PropType, type VNode } from "vue";
import { t } from "@/locales";
import type { Column } from "@/rules/table";

export type Cells = Readonly<Record<string, ((given: { row: unknown }) => VNode[]) | undefined>>;

/**
 * A row of a DataTable, of which there may be thousands: it renders the table's slots itself, so that
 * only the rows that change are rendered again, whatever becomes of the others.
 */
export default defineComponent({
  name: "DataRow",
  props: {
    row: { type: null as unknown as PropType<unknown>, required: true },
    columns: { type: Array as PropType<readonly Column<never>[]>, required: true },
    cells: { type: Object as PropType<Cells>, required: true },
    /** What it is called where it can be chosen; null where it cannot. */
    name: { type: String as PropType<string | null>, default: null },
    isChosen: { type: Boolean, required: true },
  },
  emits: { choose: (isRange: boolean) => typeof isRange === "boolean" },
  setup(props, { emit }) {
    const box = (name: string) =>
      h("td", { class: "max-md:absolute max-md:top-3 max-md:left-3" }, [
        h("input", {
          type: "checkbox",
          class: "size-4 align-middle accent-(--accent-fill)",
          checked: props.isChosen,
          "aria-label": name === "" ? t("table.choose") : t("table.chooseThe", { name }),
          onClick: (event: MouseEvent) => emit("choose", event.shiftKey),
        }),
      ]);
    const cell = ({ key, title, class: looks, isHeading, isActions }: Column<never>) =>
      h(
        "td",
        {
          class: [looks, isActions ? "actions text-right" : ""],
          "data-label": isHeading || isActions ? undefined : title,
        },
        props.cells[key]?.({ row: props.row }),
      );
    return () =>
      h("tr", { class: props.isChosen ? "marks-current bg-accent-tint" : "" }, [
        props.name === null ? null : box(props.name),
        ...props.columns.map(cell),
      ]);
  },
});
