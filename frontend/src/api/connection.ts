import { readonly, ref } from "vue";

const isLost = ref(false);

/** Whether the last call of all got no answer: said in one place, whatever it was that called. */
export const isConnectionLost = readonly(isLost);

let losses = 0;

/** Learned by the client with each call: the answer to what was asked before a loss says nothing of now. */
export function callBegins(): { answered: () => void; lost: () => void } {
  const before = losses;
  return {
    answered: () => {
      if (losses === before) isLost.value = false;
    },
    lost: () => {
      losses++;
      isLost.value = true;
    },
  };
}
