import { readonly, ref } from "vue";

const isLost = ref(false);

/** Whether the last call of all got no answer: said in one place, whatever it was that called. */
export const isConnectionLost = readonly(isLost);

/** Learned by the client with each call. */
export function setConnectionLost(lost: boolean): void {
  isLost.value = lost;
}
