// Django's two-box choosers name their hints without saying what they are: a screen reader then says nothing.
addEventListener("load", () => setTimeout(() => {
  for (const hint of document.querySelectorAll(".help-tooltip[aria-label]")) hint.setAttribute("role", "img");
}));
