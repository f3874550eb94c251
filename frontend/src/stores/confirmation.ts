import { defineStore } from "pinia";
import { ref } from "vue";

export interface Question {
  title: string;
  text: string;
  /** What the button that goes on says. */
  action: string;
  isDangerous?: boolean;
}

/** The one question that is open, asked by whoever is about to do what cannot be undone. */
export const useConfirmation = defineStore("confirmation", () => {
  const question = ref<Question | null>(null);
  let resolve: (answer: boolean) => void = () => undefined;

  /** Answers whether the person wants to go on; an earlier open question is answered with no. */
  function ask(asked: Question): Promise<boolean> {
    answer(false);
    question.value = asked;
    return new Promise((settle) => {
      resolve = settle;
    });
  }

  function answer(goOn: boolean): void {
    question.value = null;
    resolve(goOn);
  }

  return { question, ask, answer };
});
