/* Groups dropped or chosen files and packs them into requests. No DOM beyond the browser's file entries. */

const MAX_FILES = 100;
const MAX_BYTES = 32 * 1024 * 1024;

/** The dropped files with their paths, including those in folders. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const files = [];
  for (const entry of entries) await walk(entry, "", files);
  return files;
}

/** The chosen files in the order in which the browser lists them; those of a folder, by their names. */
export function chosenFiles(list) {
  const files = [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  const isFolder = files.some(({ file }) => file.webkitRelativePath);
  return isFolder ? files.sort((one, other) => naturally(one.path, other.path)) : files;
}

async function walk(entry, folder, files) {
  const path = folder + entry.name;
  if (entry.isFile) {
    files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path });
    return;
  }
  const reader = entry.createReader();
  const children = [];
  for (;;) {
    // A reader returns about a hundred entries at a time, in any order, and none at the end.
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) break;
    children.push(...batch);
  }
  children.sort((one, other) => naturally(one.name, other.name));
  for (const child of children) await walk(child, `${path}/`, files);
}

/* 2 comes before 10. */
const naturally = new Intl.Collator("en", { numeric: true }).compare;

/** {images, archives, table}, without hidden files and the operating system's folders. */
export function groupFiles(files) {
  const visible = files.filter(
    ({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"),
  );
  const ends = (item, ...endings) => endings.some((ending) => item.path.toLowerCase().endsWith(ending));
  return {
    archives: visible.filter((item) => ends(item, ".zip")),
    table: visible.find((item) => ends(item, ".csv")) ?? null,
    images: visible.filter((item) => !ends(item, ".zip", ".csv", "thumbs.db")),
  };
}

/** Requests small enough to resend quickly after a failure: [{entries, archive}]. */
export function packRequests({ images, archives }) {
  const requests = archives.map((archive) => ({ entries: [archive], archive: true }));
  let current = null;
  let bytes = 0;
  for (const entry of images) {
    if (!current || current.entries.length >= MAX_FILES || bytes + entry.file.size > MAX_BYTES) {
      current = { entries: [], archive: false };
      requests.push(current);
      bytes = 0;
    }
    current.entries.push(entry);
    bytes += entry.file.size;
  }
  return requests;
}
