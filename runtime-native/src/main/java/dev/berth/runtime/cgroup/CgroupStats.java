package dev.berth.runtime.cgroup;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a cgroup uses. A figure is empty where the host lacks its controller.
 *
 * @param cpuUsageNanos CPU time used since the group was made
 * @param memoryUsageBytes memory charged to the group
 * @param memoryWorkingSetBytes usage without inactive file pages, as the kubelet reckons it
 * @param memoryLimitBytes the group's own limit; empty also without one
 * @param memoryRssBytes anonymous memory
 * @param swapUsageBytes swap charged to the group
 * @param pageFaults minor and major page faults
 * @param majorPageFaults page faults that needed I/O
 * @param swapLimitBytes how much swap the group may use; empty also without a limit
 * @param pids tasks in the group
 * @param cpuPressure waiting for a CPU; v2 only, as are the next two
 * @param memoryPressure waiting for memory
 * @param ioPressure waiting for disks
 */
public record CgroupStats(
    OptionalLong cpuUsageNanos,
    OptionalLong memoryUsageBytes,
    OptionalLong memoryWorkingSetBytes,
    OptionalLong memoryLimitBytes,
    OptionalLong memoryRssBytes,
    OptionalLong swapUsageBytes,
    OptionalLong swapLimitBytes,
    OptionalLong pageFaults,
    OptionalLong majorPageFaults,
    OptionalLong pids,
    Optional<Pressure> cpuPressure,
    Optional<Pressure> memoryPressure,
    Optional<Pressure> ioPressure) {}
