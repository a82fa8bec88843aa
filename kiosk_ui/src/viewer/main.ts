/** The doctor's viewer as an element: `<chevet-viewer consultation="..." token="..."></chevet-viewer>`. */
class ChevetViewer extends HTMLElement {
  connectedCallback(): void {
    this.textContent = "Chevet";
  }
}

customElements.define("chevet-viewer", ChevetViewer);
