"""What authors inherit from behaves as the specification says."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import typing
import unittest
import weakref
from pathlib import Path

import sandbox  # noqa: F401

from external_worker._host import Nowhere, set_host
from funcnodes_core import Shelf, instance_nodefunction
from funcnodes_worker import ExternalWorkerConfig, FuncNodesExternalWorker
from pydantic import Field, ValidationError


class Config(ExternalWorkerConfig):
    EXPORT_EXCLUDE_FIELDS = {"password"}
    interval_s: float = Field(default=1.0, ge=0.05)
    token: typing.Optional[str] = Field(default=None, json_schema_extra={"export": False})
    password: str = ""


class Worker(FuncNodesExternalWorker):
    NODECLASSID = "worker"
    config_cls = Config
    updates = 0

    async def loop(self) -> None: ...

    def post_config_update(self) -> None:
        self.updates += 1
        if self.config.interval_s == 13:
            raise RuntimeError("thirteen")

    @instance_nodefunction()
    def count(self) -> int:
        return 1


class Classes(unittest.TestCase):
    def test_a_concrete_class_needs_an_id(self) -> None:
        with self.assertRaisesRegex(ValueError, "NODECLASSID"):

            class Without(FuncNodesExternalWorker):
                async def loop(self) -> None: ...

    def test_the_loop_has_to_be_async(self) -> None:
        with self.assertRaisesRegex(TypeError, "async def loop"):

            class Sync(FuncNodesExternalWorker):
                NODECLASSID = "sync"

                def loop(self) -> None: ...

    def test_abstract_ones_need_nothing_and_make_nothing(self) -> None:
        class Base(FuncNodesExternalWorker):
            IS_ABSTRACT = True

        class Half(FuncNodesExternalWorker):
            NODECLASSID = "half"

        class Whole(Base):
            NODECLASSID = "whole"

            async def loop(self) -> None: ...

        for cls in (FuncNodesExternalWorker, Base, Half):
            with self.subTest(cls), self.assertRaises((ValueError, TypeError)):
                cls()
        self.assertTrue(Base.IS_ABSTRACT)
        self.assertFalse(Whole("u").IS_ABSTRACT)


class Instances(unittest.TestCase):
    def test_who_it_is(self) -> None:
        worker = Worker("abc")
        self.assertEqual((worker.uuid, worker.name), ("abc", "Worker(abc)"))
        worker.name = "Left pump"
        self.assertEqual(worker.name, "Left pump")
        worker.name = ""
        self.assertEqual(worker.name, "Worker(abc)")
        self.assertEqual(worker.logger.name, "Worker")
        self.assertFalse(worker.running)

    def test_the_class_knows_those_that_run(self) -> None:
        worker = Worker("running")
        self.assertNotIn(worker, Worker.running_instances())
        worker._running = True
        self.assertIn(worker, Worker.running_instances())

    def test_it_is_let_go(self) -> None:
        worker = Worker("gone", config={"interval_s": 2.0})
        asyncio.run(worker.stop())
        seen = weakref.ref(worker)
        del worker
        gc.collect()
        self.assertIsNone(seen())

    def test_its_folder_is_made(self) -> None:
        self.assertIsNone(Worker("u").data_path)
        with tempfile.TemporaryDirectory() as folder:
            worker = Worker("u", data_path=Path(folder) / "own")
            self.assertTrue(worker.data_path.is_dir())

    def test_stop_says_so_and_cleans_up(self) -> None:
        heard = []

        class Cleans(Worker):
            NODECLASSID = "cleans"

            def cleanup(self) -> None:
                heard.append("cleanup")
                super().cleanup()

        worker = Cleans("u")
        worker.on("stopping", lambda src: heard.append("stopping"))
        asyncio.run(worker.stop())
        self.assertEqual(heard, ["stopping", "cleanup"])
        self.assertTrue(worker.stopped)

    def test_a_save_has_everything_and_an_export_no_secrets(self) -> None:
        worker = Worker("u", config={"token": "t", "password": "p"})
        config = {"interval_s": 1.0, "token": "t", "password": "p"}
        expected = {"uuid": "u", "nodeclassid": "worker", "running": False, "name": "Worker(u)"}
        self.assertEqual(worker.serialize(), {**expected, "config": config})
        self.assertEqual(worker.serialize(export=True), {**expected, "config": {"interval_s": 1.0}})
        self.assertEqual(Config.export_exclude_fields(), {"token", "password"})


class Configurations(unittest.TestCase):
    def test_a_part_is_changed(self) -> None:
        worker = Worker("u", config={"token": "t"})
        self.assertEqual(worker.updates, 1)
        worker.update_config({"interval_s": 2.0})
        self.assertEqual((worker.config.interval_s, worker.config.token), (2.0, "t"))
        worker.update_config(None)
        worker.update_config(Config(token="u"))
        self.assertEqual((worker.config.interval_s, worker.config.token, worker.updates), (1.0, "u", 3))

    def test_what_is_wrong_changes_nothing(self) -> None:
        worker = Worker("u")
        for wrong, error in [({"interval_s": 0.0}, ValidationError), ({"interval_s": 13}, RuntimeError)]:
            with self.subTest(wrong=wrong), self.assertRaises(error):
                worker.update_config(wrong)
            self.assertEqual(worker.config.interval_s, 1.0)

    def test_a_wrong_one_makes_no_instance(self) -> None:
        with self.assertRaises(ValidationError):
            Worker("u", config={"interval_s": 0.0})


class Told(unittest.TestCase):
    def setUp(self) -> None:
        self.host = Nowhere()
        set_host(self.host)
        self.addCleanup(set_host, Nowhere())
        self.worker = Worker("u")
        self.worker._attached = self.worker._running = True

    def test_the_loop_is_the_hosts(self) -> None:
        self.worker.delay = 0.5
        self.worker.pause()
        self.worker.resume()
        self.worker.resume_in(2)
        told = [("set_loop_delay", 0.5), ("pause",), ("resume_in", 0.0), ("resume_in", 2.0)]
        self.assertEqual((self.host.told, self.worker.delay), (told, 0.5))

    def test_events_reach_listeners_and_clients(self) -> None:
        heard = []
        listener = lambda **msg: heard.append(msg["n"])  # noqa: E731
        self.worker.on("tick", listener)
        self.worker.once("tick", listener)
        self.assertTrue(self.worker.emit("tick", {"n": 1}))
        self.worker.emit("tick", {"n": 2})
        self.worker.off("tick", listener)
        self.assertFalse(self.worker.emit("tick", {"n": 3}))
        self.assertEqual(heard, [1, 1, 2])
        self.assertEqual([data["n"] for _, _, data in self.host.told], [1, 2, 3])

    def test_a_new_shelf_is_an_event(self) -> None:
        self.assertIsNone(self.worker.nodeshelf)
        shelf = Shelf("s")
        self.worker.nodeshelf = shelf
        self.assertIs(self.worker.nodeshelf(), shelf)
        self.worker.set_nodeshelf(None)
        self.assertIsNone(self.worker.get_nodeshelf())
        self.assertEqual(self.host.told, [("emit", "nodes_update", {})] * 2)

    def test_until_it_has_started_a_new_shelf_is_none(self) -> None:
        self.worker._running = False
        self.worker.set_nodeshelf(Shelf("s"))
        self.assertEqual(self.host.told, [])

    def test_stopping_itself_asks_the_host(self) -> None:
        asyncio.run(self.worker.stop())
        self.assertEqual(self.host.told, [("stop_self",)])

    def test_nodes_of_a_method_by_its_name(self) -> None:
        self.assertEqual((self.worker.get_nodes("count"), self.worker.get_all_nodes()), ([], []))
        with self.assertRaises(KeyError):
            self.worker.get_nodes("loop")


if __name__ == "__main__":
    unittest.main()
