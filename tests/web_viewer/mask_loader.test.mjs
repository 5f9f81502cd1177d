// Is a mask that could not be fetched tried again when somebody looks at it, and not by itself over and over?
import assert from "node:assert/strict";
import { test } from "node:test";

import { MaskLoader } from "../../web_viewer/mask_loader.js";
import { Masks } from "../../web_viewer/masks.js";

const ENTRY = { frame_number: 0, has_mask: true, is_annotation: true, label_id: "L", filename: "frame_000001.webp" };

test("a mask that could not be had is fetched again when its frame is visited", async () => {
  const masks = new Masks({ width: 2, height: 1, frameCount: 1, labels: ["L"], emptyId: "E" }, [ENTRY]);
  const [fetches, problems] = [[], []];
  let isAway = true;
  const image = { data: new Uint8ClampedArray([255, 255, 255, 255, 0, 0, 0, 255]) };
  const context = { drawImage: () => {}, getImageData: () => image };
  Object.assign(globalThis, {
    document: { createElement: () => ({ getContext: () => context }) },
    createImageBitmap: async () => ({ close: () => {} }),
    fetch: async (path) => {
      fetches.push(path);
      if (isAway) throw new TypeError("no connection");
      return new Response(new Blob([]));
    },
  });
  const series = { study_uid: "1", series_uid: "1.1" };
  const loader = new MaskLoader(series, "v", masks, () => {}, (error) => problems.push(error.code), () => false);
  await loader.ensure(0);
  await loader.loadRest();
  assert.deepEqual([fetches.length, problems, masks.runs(0, "L")], [1, ["OFFLINE_CORE"], null]);
  isAway = false;
  await loader.ensure(0);
  assert.deepEqual(masks.runs(0, "L"), [0, 1, 1]);
});
