package dev.berth.e2e;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Which faults come when: the same ones for the same seed.
 *
 * <p>Kinds are dealt from a shuffled deck, so that a short plan has seen most of them.
 */
record FaultPlan(long seed, List<FaultPlan.Fault> faults) {
  private static final int LONGEST_PAUSE_MILLIS = 400;
  private static final int SHORTEST_HOLD_MILLIS = 50;
  private static final int LONGEST_HOLD_MILLIS = 900;

  /**
   * One of them.
   *
   * @param pause between the end of the one before and this one
   * @param hold for how long what is not killed stays as it is
   * @param pick which of several victims, counted around
   */
  record Fault(int number, FaultKind kind, Duration pause, Duration hold, int pick) {
    @Override
    public String toString() {
      return "fault %d: after %d ms %s for %d ms, pick %d"
          .formatted(number, pause.toMillis(), kind, hold.toMillis(), pick);
    }
  }

  FaultPlan {
    faults = List.copyOf(faults);
  }

  /** Makes a plan with so many kills in it, and the other faults that come between. */
  static FaultPlan of(long seed, int kills) {
    Random random = new Random(seed);
    List<Fault> faults = new ArrayList<>();
    List<FaultKind> deck = new ArrayList<>();
    int killed = 0;
    while (killed < kills) {
      if (deck.isEmpty()) {
        deck.addAll(deck(random));
      }
      FaultKind kind = deck.removeLast();
      faults.add(
          new Fault(
              faults.size() + 1,
              kind,
              Duration.ofMillis(random.nextInt(LONGEST_PAUSE_MILLIS)),
              Duration.ofMillis(random.nextInt(SHORTEST_HOLD_MILLIS, LONGEST_HOLD_MILLIS)),
              random.nextInt(Integer.MAX_VALUE)));
      killed += kind.isKill() ? 1 : 0;
    }
    return new FaultPlan(seed, faults);
  }

  private static List<FaultKind> deck(Random random) {
    List<FaultKind> deck = new ArrayList<>();
    for (FaultKind kind : FaultKind.values()) {
      deck.addAll(Collections.nCopies(kind.share(), kind));
    }
    Collections.shuffle(deck, random);
    return deck;
  }

  long kills() {
    return faults.stream().filter(fault -> fault.kind().isKill()).count();
  }
}
