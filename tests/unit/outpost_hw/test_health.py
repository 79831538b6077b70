"""Readings of the machine."""

from __future__ import annotations

from pathlib import Path

from outpost_hw.health import SPAN_S, HealthReader, read_machine


def test_readings_are_what_they_say(tmp_path: Path) -> None:
    health = HealthReader(tmp_path).read()
    assert all(0.0 <= share <= 1.0 for share in (health.cpu, health.memory, health.disk))
    assert 0 < health.memory_available < health.memory_total
    assert 0 <= health.disk_free < health.disk_total
    assert health.rss > 1_000_000
    assert health.uptime_s > 0


def test_the_share_of_cpu_is_over_a_span_whoever_reads_in_between(tmp_path: Path) -> None:
    now = [0.0]
    reader = HealthReader(tmp_path, lambda: now[0])
    first = reader.read().cpu
    sum(number * number for number in range(300_000))
    now[0] = SPAN_S - 0.01
    assert reader.read().cpu == first
    now[0] = SPAN_S
    assert reader.read().cpu != first


def test_a_machine_has_a_name_and_sizes(tmp_path: Path) -> None:
    machine = read_machine(tmp_path)
    assert machine.os
    assert machine.board
    assert machine.cpus >= 1
    assert machine.memory_bytes > 0
    assert machine.disk_bytes > 0
