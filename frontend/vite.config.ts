import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the API; `PLUMBER_URL` names another one. */
const controlPlane = process.env.PLUMBER_URL ?? "http://127.0.0.1:52281";

export default defineConfig({
  // Relative, so that the panel works under whatever path prefix it is served.
  base: "./",
  plugins: [vue(), tailwindcss()],
  resolve: { alias: { "@": fileURLToPath(new URL("src", import.meta.url)) } },
  server: { proxy: { "/api/v1": controlPlane } },
  build: {
    outDir: "../chalicelib/panel",
    emptyOutDir: true,
    reportCompressedSize: false, // scripts/weigh.mjs says it
  },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
});
