import "./styles/base.css";
import "./styles/shell.css";
import "./styles/rows.css";
import "./styles/devices.css";
import "./styles/device.css";
import "./styles/results.css";
import "./styles/people.css";

import { render } from "preact";

import { App } from "./app";
import { applyTheme, firstTheme } from "./theme";

applyTheme(firstTheme());
render(<App />, document.getElementById("app")!);
