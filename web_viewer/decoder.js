/** How does a compressed picture become pixels? A worker of decoders.js: `{id, blob}` comes, `{id, bitmap}` goes. */
self.onmessage = async ({ data: { id, blob } }) => {
  const bitmap = await createImageBitmap(blob).catch(() => null);
  self.postMessage({ id, bitmap }, bitmap ? [bitmap] : []);
};
