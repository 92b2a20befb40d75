// What a page of the site does by itself: copy buttons, contents that fold away on a small screen, print that shows all.
for (const code of navigator.clipboard ? document.querySelectorAll(".highlight") : []) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  code.append(button);
}

const contents = document.querySelector(".contents details");
if (contents && !window.matchMedia("(min-width: 70rem)").matches) {
  contents.open = false;
}

const folded = [];
const PAPER = 640, PRINTED = 10 / 12; // pixels across a sheet; size of printed letters
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    folded.push(details);
  }
  for (const formula of document.querySelectorAll("mjx-container[display]")) {
    formula.style.zoom = Math.min(1, PAPER / (PRINTED * formula.scrollWidth));
  }
});
window.addEventListener("afterprint", () => {
  for (const details of folded.splice(0)) {
    details.open = false;
  }
  for (const formula of document.querySelectorAll("mjx-container[display]")) {
    formula.style.zoom = 1;
  }
});
