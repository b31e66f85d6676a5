"use strict";
async function refresh() {
  try {
    const feed = document.getElementById("feed");
    const answer = await fetch("/feed?revision=" + encodeURIComponent(feed.dataset.revision));
    if (answer.status === 200) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("feed");
      if (fresh) feed.replaceWith(document.adoptNode(fresh));
    }
  } catch (gone) {
    document.body.classList.add("offline");
  }
  setTimeout(refresh, 1000);
}
setTimeout(refresh, 1000);
