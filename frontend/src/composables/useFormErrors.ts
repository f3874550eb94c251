import { computed, type Ref } from "vue";
import { fieldOf } from "@/api/errors";
import { LabelError } from "@/rules/labels";

/**
 * What the API objects to in a form, at the field it means: `fields` names the form's field for each
 * part of the body. `other` is an error that is of no field, for above the form.
 */
export function useFormErrors<Name extends string>(
  error: Readonly<Ref<unknown>>,
  fields: Readonly<Record<string, Name>>,
) {
  const found = computed(() => {
    if (error.value instanceof LabelError) {
      return { name: fields["scope.labels"] ?? fields.labels, message: error.value.message };
    }
    const said = fieldOf(error.value);
    return { name: said ? fields[said.field] : undefined, message: said?.message ?? "" };
  });
  const at = computed((): Partial<Record<Name, string>> => {
    const { name, message } = found.value;
    return name === undefined ? {} : ({ [name]: message } as Partial<Record<Name, string>>);
  });
  const other = computed(() => (found.value.name === undefined ? error.value : null));
  return { at, other };
}
