"""Flows that hear from the outside, and answer, while they run."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect import flow
from prefect.input import RunInput, receive_input, send_input
from prefect.runtime import flow_run

from tests.client.history import History
from tests.client.outside import meanwhile
from tests.client.traffic import PATIENCE, SEND_INPUT, Traffic

#: What a flow asks when it looks for input.
LOOK = "POST /flow_runs/{id}/input/filter"

#: How a test listens: without a rest.
LISTEN: dict[str, Any] = {"timeout": PATIENCE, "poll_interval": 0}


class Order(RunInput):
    """What is sent to a flow."""

    number: int


class Receipt(RunInput):
    """What a flow answers."""

    number: int
    total: int


def test_a_flow_receives_what_is_sent_in_the_order_of_sending(
    history: History, traffic: Traffic
) -> None:
    @flow
    def listens(count: int) -> list[int]:
        orders: Any = receive_input(Order, **LISTEN)
        return [next(orders).number for _ in range(count)]

    def send() -> None:
        listening = traffic.wait_for(LOOK).id
        for number in (3, 1, 2):
            Order(number=number).send_to(listening)

    with meanwhile(send):
        assert listens(3) == [3, 1, 2]
    run = history.flow_run()
    kept = history.client.filter_flow_run_input(run.id, "order-auto-", limit=10, exclude_keys=set())
    assert [entry.decoded_value for entry in kept] == [{"number": number} for number in (3, 1, 2)]
    assert [entry.key for entry in kept] == [sent.body["key"] for sent in traffic.on(SEND_INPUT)]
    assert all(entry.flow_run_id == run.id for entry in kept)


def test_a_flow_receives_only_the_kind_it_listens_to(history: History, traffic: Traffic) -> None:
    @flow
    def listens() -> tuple[Any, ...]:
        text: Any = receive_input(str, **LISTEN)
        number: Any = receive_input(int, **LISTEN)
        return next(text), next(number)

    def send() -> None:
        listening = traffic.wait_for(LOOK).id
        send_input(7, flow_run_id=listening)
        Order(number=1).send_to(listening)
        send_input("☃", flow_run_id=listening)

    with meanwhile(send):
        assert listens() == ("☃", 7)
    assert history.flow_run().state_name == "Completed"


def test_two_flows_talk_to_each_other(history: History, traffic: Traffic) -> None:
    @flow(flow_run_name="seller")
    def serves() -> None:
        total = 0
        orders: Any = receive_input(Order, **LISTEN)
        for _ in range(2):
            order = next(orders)
            total += order.number
            order.respond(Receipt(number=order.number, total=total))

    @flow(flow_run_name="buyer")
    def buys() -> list[int]:
        serving = traffic.wait_for(LOOK).id
        me = f"prefect.flow-run.{flow_run.get_id()}"
        receipts: Any = receive_input(Receipt, **LISTEN)
        totals = []
        for number in (20, 22):
            Order(number=number).send_to(serving, sender=me)
            totals.append(next(receipts).total)
        return totals

    bought: list[list[int]] = []
    with meanwhile(lambda: bought.append(buys())):
        serves()
    assert bought == [[20, 42]]
    runs = {run.name: run for run in history.flow_runs()}
    assert {run.state_name for run in runs.values()} == {"Completed"}
    orders = history.client.filter_flow_run_input(runs["seller"].id, "order-", 9, set())
    assert {order.sender for order in orders} == {f"prefect.flow-run.{runs['buyer'].id}"}
    receipts = history.client.filter_flow_run_input(runs["buyer"].id, "receipt-", 9, set())
    assert [receipt.decoded_value["total"] for receipt in receipts] == [20, 42]


def test_an_async_flow_listens_too(history: History, traffic: Traffic) -> None:
    @flow
    async def listens() -> list[int]:
        numbers: list[int] = []
        orders: Any = receive_input(Order, **LISTEN)
        async for order in orders:
            numbers.append(order.number)
            if len(numbers) == 2:
                break
        return numbers

    def send() -> None:
        listening = traffic.wait_for(LOOK).id
        for number in (1, 2):
            Order(number=number).send_to(listening)

    with meanwhile(send):
        assert asyncio.run(listens()) == [1, 2]
    assert history.flow_run().state_name == "Completed"


def test_a_flow_that_hears_nothing_may_give_up(history: History) -> None:
    @flow
    def listens() -> None:
        orders: Any = receive_input(Order, timeout=0.01, poll_interval=0, raise_timeout_error=True)
        next(orders)

    with pytest.raises(TimeoutError, match="waiting for input"):
        listens()
    assert history.flow_run().state_name == "TimedOut"


def test_input_that_was_taken_may_be_deleted(history: History) -> None:
    @flow
    def takes() -> None:
        pass

    made = history.client.create_flow_run(takes)
    history.client.create_flow_run_input(made.id, key="note", value='"kept"', sender=None)
    assert history.client.read_flow_run_input(made.id, key="note") == '"kept"'
    history.client.delete_flow_run_input(made.id, key="note")
    assert history.client.filter_flow_run_input(made.id, "", 9, set()) == []
