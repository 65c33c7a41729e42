package dev.berth.runtime.plan;

import dev.berth.base.BerthException;

/**
 * What the caller of the command line may want otherwise, for which config.json has no field.
 *
 * @param preservedFds how many of the caller's descriptors, from 3 on, the program gets as well;
 *     they are passed as {@code preserved.0} and so on
 * @param pivots false to move the root mount over "/" instead of pivot_root(2), which the kernel
 *     refuses while "/" is the initial ramfs
 * @param ownKeyring false to stay in the session keyring of the caller
 */
public record LaunchOptions(int preservedFds, boolean pivots, boolean ownKeyring) {
  /** What a process gets of which nobody says anything. */
  public static final LaunchOptions USUAL = new LaunchOptions(0, true, true);

  /** As many as fit into one message together with what a plan needs itself. */
  private static final int MOST_PRESERVED = 32;

  public LaunchOptions {
    if (preservedFds < 0 || preservedFds > MOST_PRESERVED) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "preserved descriptors: " + preservedFds + " is not between 0 and " + MOST_PRESERVED);
    }
  }

  /** The name under which a plan wants the caller's descriptor {@code 3 + index}. */
  public static String preserved(int index) {
    return "preserved." + index;
  }
}
