// Lint rules of the viewer and its tests. Run by `python3 run.py test`.
import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/node_modules/**", ".venv/**"] },
  {
    files: ["web_viewer/**/*.js", "workstation/**/*.js", "tests/**/*.{js,mjs}"],
    ...js.configs.recommended,
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
    rules: {
      ...js.configs.recommended.rules,
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-alert": "error",
      "no-console": ["error", { allow: ["warn", "error"] }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-shadow": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["tests/**/*.mjs"],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { "no-console": "off" },
  },
  {
    // one module talks HTTP (SPEC 10)
    files: ["web_viewer/**/*.js"],
    ignores: ["web_viewer/api.js"],
    rules: { "no-restricted-globals": ["error", "fetch", "XMLHttpRequest", "EventSource"] },
  },
];
