import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./", // the viewer may be served from any folder of any host
  build: {
    target: "chrome120",
    assetsInlineLimit: 0, // a data: address would need a wider content security policy
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: "index.html", viewer: "viewer.html" },
      output: {
        // A page that embeds the viewer needs a name that stays.
        entryFileNames: (chunk) => (chunk.name === "viewer" ? "viewer.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
  test: { include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"], environment: "node", testTimeout: 5000 },
});
