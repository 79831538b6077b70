import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "../outpost_agent/web/static",
    emptyOutDir: true,
    target: "es2022",
    // The device's content security policy allows files of its own only: nothing may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
