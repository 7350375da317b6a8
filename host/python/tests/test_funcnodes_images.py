"""Pictures between guests and the nodes of `funcnodes-images` and `funcnodes-opencv`, which are in no other test."""

from __future__ import annotations

import io
import unittest
from typing import Any

from external_worker_host import Media
from funcnodes_worker_process import WorkerCase, needs
from support import guest


@needs("funcnodes-images")
class Nodes(WorkerCase):
    files = (guest("probe_media"),)

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.uuid = await self.worker.add("studio")
        self.look = await self.own("look")

    async def own(self, method: str) -> str:
        return await self.worker.node(f"studio.{self.uuid}.{method}")

    async def through(self, node_id: str, output: str, **fixed: Any) -> Any:
        """What the guest sees of a picture of its own that went through a node."""
        picture, node = await self.own("picture"), await self.worker.node(node_id)
        for port, value in fixed.items():
            await self.worker.set(node, port, value)
        for source, port, target, into in ((picture, "out", node, "img"), (node, output, self.look, "media")):
            await self.client.call("add_edge", src_nid=source, src_ioid=port, trg_nid=target, trg_ioid=into)
        seen = self.client.next_value(self.look, "out")
        await self.worker.compute(picture, "out")
        await seen
        return await self.client.call("get_io_value", nid=self.look, ioid="out")

    async def test_a_picture_goes_through_ordinary_nodes_and_comes_back(self) -> None:
        await self.client.call("add_package_dependency", name="funcnodes-images")
        self.assertRegex(await self.through("image.resize", "resized_img", width=16), r"image/png, \d+ bytes")

    @needs("funcnodes-opencv")
    async def test_the_same_with_nodes_of_opencv(self) -> None:
        await self.client.call("add_package_dependency", name="funcnodes-opencv")
        self.assertRegex(await self.through("cv2.blur", "out"), r"image/png, \d+ bytes")

    async def test_from_guest_to_guest_and_to_clients_it_is_what_it_was(self) -> None:
        photo = await self.own("photo")
        edge = {"src_nid": photo, "src_ioid": "out", "trg_nid": self.look, "trg_ioid": "media"}
        await self.client.call("add_edge", **edge)
        found = []
        for package in ("funcnodes-basic", "funcnodes-images"):
            await self.client.call("add_package_dependency", name=package)
            shown, seen = self.client.next_value(photo, "out"), self.client.next_value(self.look, "out")
            await self.worker.compute(photo, "out")
            found.append(((await shown).header["mime"], (await shown).body, (await seen).body))
        self.assertEqual(found[0][0], "image/jpeg")
        self.assertEqual(found[0], found[1])


@needs("funcnodes-images")
class Pictures(unittest.TestCase):
    def setUp(self) -> None:
        import numpy
        from external_worker_host.funcnodes import pictures, values
        from PIL import Image

        self.numpy, self.image, self.pictures, self.values = numpy, Image, pictures, values
        self.pixels = numpy.arange(48, dtype="u1").reshape(4, 4, 3) * 5

    def packed(self, pixels: Any, kind: str = "PNG") -> bytes:
        file = io.BytesIO()
        self.image.fromarray(pixels).save(file, kind)
        return file.getvalue()

    def unpacked(self, media: Media) -> Any:
        return self.numpy.array(self.image.open(io.BytesIO(media.data)))

    def test_only_pictures_are_pictures_and_they_are_decoded_when_they_are_wanted(self) -> None:
        for kind in ("image/svg+xml", "application/pdf"):
            media = Media(kind, b"")
            self.assertIs(self.values.picture_of(media), media)
        broken = self.values.picture_of(Media("image/png", b"no picture"))
        self.assertEqual(self.values.without_picture(broken).data, b"no picture")
        with self.assertRaises(OSError):
            broken.to_array()

    def test_no_other_format_is_tried(self) -> None:
        gif = self.packed(self.pixels, "GIF")
        self.assertEqual(self.values.picture_of(Media("image/gif", gif)).width(), 4)
        with self.assertRaises(OSError):
            self.values.picture_of(Media("image/png", gif)).width()

    def test_a_huge_one_is_refused_before_it_is_decoded(self) -> None:
        bomb = self.image.new("1", (9000, 9000))
        file = io.BytesIO()
        bomb.save(file, "PNG")
        with self.assertRaisesRegex(ValueError, "more than 67,108,864 pixels"):
            self.values.picture_of(Media("image/png", file.getvalue())).to_array()

    def test_pixels_are_the_same_in_every_form(self) -> None:
        alpha = self.numpy.concatenate([self.pixels, self.pixels[:, :, :1]], axis=2)
        for pixels in (self.pixels, alpha):
            picture = self.values.picture_of(Media("image/png", self.packed(pixels)))
            for form in ("np", "img"):
                made = self.values.without_picture(picture.to(form))
                self.numpy.testing.assert_array_equal(self.unpacked(made), pixels, form)
            self.numpy.testing.assert_array_equal(self.values.array_of(picture), pixels)

    @needs("funcnodes-opencv")
    def test_blue_stays_blue_in_opencv(self) -> None:
        import funcnodes_opencv  # noqa: F401

        picture = self.values.picture_of(Media("image/png", self.packed(self.pixels)))
        made = self.values.without_picture(picture.to_cv2())
        self.numpy.testing.assert_array_equal(self.unpacked(made), self.pixels)


if __name__ == "__main__":
    unittest.main()
