"""Runs the tests of a worker where the worker runs: in the sandbox, on the loop of the runtime."""

import importlib
import inspect
import sys
import unittest

from funcnodes_core import instance_nodefunction
from funcnodes_worker import FuncNodesExternalWorker

# Its own frames are left out of tracebacks.
__unittest = True


class Tests(FuncNodesExternalWorker):
    NODECLASSID = "tests"
    NAME = "Tests"

    async def loop(self):
        self.pause()

    @instance_nodefunction(timeout="1h", outputs=[{"name": "passed"}])
    async def run(self, names: str = "") -> str:
        """Runs the tests whose names have one of `names` in them, or all."""
        loader = unittest.TestLoader()
        loader.testNamePatterns = [f"*{name}*" for name in names.split()] or None
        stream = unittest.runner._WritelnDecorator(sys.stdout)
        result = unittest.TextTestResult(stream, descriptions=False, verbosity=0)
        for module in MODULES:
            for cls, tests in by_class(loader.loadTestsFromModule(importlib.import_module(module))):
                await run_class(cls, tests, result)
        result.printErrors()
        stream.flush()
        bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
        if bad:
            raise AssertionError(f"{bad} of {counted(result.testsRun)} failed")
        if not result.testsRun:
            raise LookupError("there is no such test")
        skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
        return f"{counted(result.testsRun)}{skipped}"


def counted(tests):
    return "1 test" if tests == 1 else f"{tests} tests"


def by_class(suite):
    """The tests, with those of one class together."""
    groups = {}
    for test in flat(suite):
        groups.setdefault(type(test), []).append(test)
    return groups.items()


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


async def run_class(cls, tests, result):
    if not issubclass(cls, unittest.IsolatedAsyncioTestCase):
        unittest.TestSuite(tests).run(result)
        return
    # It would make a loop of its own for each test, and there is one only.
    cls.setUpClass()
    try:
        for test in tests:
            await run_async(test, result)
    finally:
        cls.tearDownClass()
        cls.doClassCleanups()


async def run_async(test, result):
    result.startTest(test)
    try:
        why = skipped(test)
        if why is not None:
            result.addSkip(test, why)
            return
        try:
            test.setUp()
            await test.asyncSetUp()
            try:
                await awaited(getattr(test, test._testMethodName)())
            finally:
                await test.asyncTearDown()
                test.tearDown()
        finally:
            while test._cleanups:
                function, args, kwargs = test._cleanups.pop()
                await awaited(function(*args, **kwargs))
    except unittest.SkipTest as skip:
        result.addSkip(test, str(skip))
    except test.failureException:
        result.addFailure(test, sys.exc_info())
    except Exception:
        result.addError(test, sys.exc_info())
    else:
        result.addSuccess(test)
    finally:
        result.stopTest(test)


def skipped(test):
    method = getattr(test, test._testMethodName)
    for one in (type(test), method):
        if getattr(one, "__unittest_skip__", False):
            return getattr(one, "__unittest_skip_why__", "")
    return None


async def awaited(result):
    return await result if inspect.isawaitable(result) else result


# Whatever else the tests define.
FUNCNODES_WORKER_CLASSES = Tests
