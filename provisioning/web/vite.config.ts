import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // The document renderer lies in the device's web chat; both must draw with one copy of preact.
    alias: { "@document": here("../../agent/web/src/document/index.ts") },
    dedupe: ["preact"],
  },
  build: {
    outDir: here("../outpost_manager/web/static"),
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    // The content security policy allows no data: in scripts, styles and fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
