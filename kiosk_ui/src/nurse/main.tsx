import { render } from "preact";

const root = document.getElementById("kiosk");
if (root) render(<h1>Chevet</h1>, root);
