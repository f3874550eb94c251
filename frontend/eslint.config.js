import js from "@eslint/js";
import vue from "eslint-plugin-vue";
import ts from "typescript-eslint";
import rooms from "./lint/rooms.js";

export default ts.config(
  { ignores: ["node_modules/", "src/api/schema.d.ts"] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...vue.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: {
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/no-v-html": "error",
      "vue/no-bare-strings-in-template": [
        "error",
        {
          // What is no word, or is one in a language of its own.
          allowlist: [..."–·:,…()/=|", "agent.json", "plumber-cli token create", "env=prod", "web, db", "prod", "plb_…", "role=web, zone=a", "role=web, env in (prod,stage)", "5m", "1m", "25%", "STAGE=prod", "0", "ServerID", "Targets", "[[step]]", '"30s"', '"1h30m"', "Plumber"],
          attributes: {
            "/.+/": ["title", "text", "label", "placeholder", "aria-label", "aria-description", "alt", "hint"],
          },
        },
      ],
      "vue/multi-word-component-names": "off",
      "vue/component-api-style": ["error", ["script-setup"]],
      "vue/block-lang": ["error", { script: { lang: "ts" } }],
    },
  },
  {
    files: ["**/*.ts", "**/*.vue"],
    rules: {
      "no-undef": "off", // vue-tsc knows better
      "no-console": "error",
      eqeqeq: "error",
      "prefer-const": "error",
      "max-lines": ["error", 400],
    },
  },
  {
    files: ["src/**/*.ts", "src/**/*.vue"],
    plugins: { panel: { rules: { rooms } } },
    rules: { "panel/rooms": "error" },
  },
  {
    // Read by who makes pages, and by nobody else.
    files: ["src/pages/GalleryPage.vue"],
    rules: { "vue/no-bare-strings-in-template": "off" },
  },
  {
    files: ["build/**/*.js"],
    languageOptions: { globals: { URL: "readonly" } },
  },
  {
    files: ["lint/**/*.js"],
    languageOptions: { globals: { URL: "readonly" } },
  },
  {
    files: ["scripts/**/*.mjs"],
    languageOptions: { globals: { process: "readonly", Buffer: "readonly", URL: "readonly" } },
  },
);
