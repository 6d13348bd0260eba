"""What the cache may be measured against."""

import free_memory


def test_it_is_what_linux_calls_available(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       1000 kB\nMemFree:   10 kB\nMemAvailable:     300 kB\n")
    monkeypatch.setattr(free_memory, "MEMINFO", meminfo)
    assert free_memory.free_memory_bytes() == 300 * 1024


def test_where_the_system_does_not_tell_it_is_still_a_number(tmp_path, monkeypatch):
    monkeypatch.setattr(free_memory, "MEMINFO", tmp_path / "none")
    assert free_memory.free_memory_bytes() > 0
