import { fileURLToPath } from "node:url";
import cascadeLayers from "@csstools/postcss-cascade-layers";
import tailwindcss from "@tailwindcss/vite";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";
import { messages } from "./build/messages.js";

/** Where `npm run dev` finds the API; `PLUMBER_URL` names another one. */
const controlPlane = process.env.PLUMBER_URL ?? "http://127.0.0.1:52281";
/** The oldest browsers that the panel works in; scripts/weigh.mjs looks at what is built for them. */
const BROWSERS = ["chrome90", "firefox88", "edge90", "safari14"];

/** What the first page has, or any page may want; but for what is only for the editor, charts or diffs. */
const SHARED =
  /\/node_modules\/(@vue|vue|vue-router|pinia|@tanstack|@?vueuse|@intlify|vue-i18n|openapi-fetch|reka-ui|@floating-ui|@internationalized|aria-hidden|anser)\/|\/src\/(api|components\/ui|stores)\/(?!Chart)/;

export default defineConfig({
  // Relative, so that the panel works under whatever path prefix it is served.
  base: "./",
  plugins: [vue(), tailwindcss(), messages()],
  // Messages are compiled by the build: the parser of vue-i18n stays out, and with it `eval`.
  define: {
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
    __INTLIFY_DROP_MESSAGE_COMPILER__: true,
  },
  resolve: {
    alias: {
      "@": fileURLToPath(new URL("src", import.meta.url)),
      "vue-i18n": "vue-i18n/dist/vue-i18n.runtime.esm-bundler.js",
    },
  },
  // Browsers of 2021 skip what stands in `@layer`: its order becomes one of specificity.
  css: { postcss: { plugins: [cascadeLayers()] } },
  server: { proxy: { "/api/v1": controlPlane } },
  build: {
    outDir: "../chalicelib/panel",
    emptyOutDir: true,
    target: BROWSERS,
    cssTarget: BROWSERS,
    // What several pages share is one file, not thirty: each is a call of the control plane.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "shared", test: SHARED }] } } },
    chunkSizeWarningLimit: 1_000,
    reportCompressedSize: false, // scripts/weigh.mjs says it
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
});
