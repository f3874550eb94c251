import type { Plugin } from "vite";

export function compiled(texts: unknown, path?: string): unknown;
export function messages(): Plugin;
