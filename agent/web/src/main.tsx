import { render } from "preact";

import { App } from "./app";
import { language } from "./i18n";
import { chosenTheme, showTheme } from "./preferences";
import "./styles/index.css";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no #app");
document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
showTheme(chosenTheme());
render(<App />, root);
