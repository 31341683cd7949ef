/* Loads images of the page again that failed while the device was offline. */

export function watchBrokenImages(root) {
  const broken = new Set([...root.images].filter((image) => image.complete && image.naturalWidth === 0 && image.src));
  // Such events do not bubble, but they can be captured.
  root.addEventListener("error", ({ target }) => target instanceof HTMLImageElement && broken.add(target), true);
  window.addEventListener("online", () => {
    const waiting = [...broken];
    broken.clear();
    for (const image of waiting) {
      // Setting the same address again starts another attempt.
      if (image.isConnected) image.setAttribute("src", image.getAttribute("src"));
    }
  });
}
