package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.e2e.FaultLedger.Promise;
import dev.berth.e2e.FaultPlan.Fault;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever is killed, stopped, slowed or filled up while pods come and go, nothing is lost: no
 * container, no byte of a log, no exit code, nothing on the host.
 *
 * <p>{@code -Dberth.faults.seed} chooses the faults, {@code -Dberth.faults.kills} says how many
 * kills, {@code -Dberth.faults.pods} at how many pods, and {@code -Dberth.faults.from} with which
 * fault to begin. After {@value #ROUND} faults everything is removed and looked for on the host.
 */
@RequiresRoot
@Tag("faults")
class FaultBenchTest {
  private static final long SEED = Long.getLong("berth.faults.seed", 1);
  private static final int KILLS = Integer.getInteger("berth.faults.kills", 20);
  private static final int PODS = Integer.getInteger("berth.faults.pods", 8);
  private static final int FROM = Integer.getInteger("berth.faults.from", 1);
  private static final int ROUND = 100;

  /** Its command line names the container that it was started for. */
  private static final String SHIM = "dev.berth.shim.ShimMain";

  @TempDir private Path directory;

  @Test
  void nothingIsLostUnderFaults() throws Exception {
    FaultPlan plan = FaultPlan.of(SEED, KILLS);
    FaultLedger ledger = new FaultLedger();
    Path records = Files.createDirectories(records());
    try (FaultyNode node = new FaultyNode(directory);
        PrintStream schedule =
            new PrintStream(records.resolve("schedule").toFile(), StandardCharsets.UTF_8)) {
      node.pods().warmUp(node.image());
      Saboteur saboteur = new Saboteur(node, ledger, schedule);
      List<Fault> faults = plan.faults().subList(FROM - 1, plan.faults().size());
      for (int begin = 0; begin < faults.size(); begin += ROUND) {
        List<Fault> round = faults.subList(begin, Math.min(begin + ROUND, faults.size()));
        runRound(node, ledger, saboteur, round);
        node.keepLogs(records);
      }
    }
    String report = new FaultReport(plan, PODS, ledger).text();
    Files.writeString(records.resolve("report"), report);
    System.out.print(report);
    assertThat(ledger.breaches()).as(report).isEmpty();
  }

  private static void runRound(
      FaultyNode node, FaultLedger ledger, Saboteur saboteur, List<Fault> faults) throws Exception {
    HostSnapshot before = HostSnapshot.takeOfHost(node.berth());
    var workload = new FaultWorkload(node, ledger, SEED * 1_000 + faults.getFirst().number(), PODS);
    workload.begin();
    saboteur.carryOut(faults);
    workload.end();
    node.disarmPlugins();
    checkNothingIsLeft(node, ledger, before, faults);
  }

  private static void checkNothingIsLeft(
      FaultyNode node, FaultLedger ledger, HostSnapshot before, List<Fault> faults)
      throws IOException {
    String where =
        "faults %d to %d: ".formatted(faults.getFirst().number(), faults.getLast().number());
    new Persistence(ledger).insist("RemoveImage", () -> node.pods().removeImage(node.pulled()));
    try {
      assertThat(node.pods().list()).as("pods").isEmpty();
      assertThat(node.host().leases()).as("addresses").isEmpty();
      assertThat(node.berth().audit()).as("audit").isEmpty();
      before.assertRestoredBut("/images/partial/", SHIM);
    } catch (AssertionError e) {
      ledger.broken(Promise.NOTHING_LEAKED, where + e.getMessage());
    }
  }

  private static Path records() {
    return Path.of("target", "faults", "seed-" + SEED);
  }
}
