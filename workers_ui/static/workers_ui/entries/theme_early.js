/* A classic script in the head: applies the stored theme before the first paint. */

(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch {
    document.documentElement.removeAttribute("data-theme");
  }
})();
