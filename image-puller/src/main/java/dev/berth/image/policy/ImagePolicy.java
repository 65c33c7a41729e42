package dev.berth.image.policy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Rules by repository: the first that fits counts. Immutable. */
public final class ImagePolicy {
  private final List<Entry> entries;
  private final PolicyRule otherwise;

  /** A rule and the repositories it is for. */
  record Entry(String pattern, PolicyRule rule) {
    boolean fits(String repository) {
      String expression =
          Arrays.stream(pattern.split("\\*", -1))
              .map(Pattern::quote)
              .collect(Collectors.joining(".*"));
      return Pattern.matches(expression, repository);
    }
  }

  ImagePolicy(List<Entry> entries, PolicyRule otherwise) {
    this.entries = List.copyOf(entries);
    this.otherwise = otherwise;
  }

  /**
   * Reads a policy from a TOML file; see the image-puller's README for what it holds.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the file and what is wrong in it
   */
  public static ImagePolicy read(Path file) {
    return PolicyFile.read(file);
  }

  /**
   * Returns what is wanted of the images of a repository.
   *
   * @param repository complete, with its registry: {@code docker.io/library/busybox}
   */
  public PolicyRule ruleFor(String repository) {
    return entries.stream()
        .filter(entry -> entry.fits(repository))
        .findFirst()
        .map(Entry::rule)
        .orElse(otherwise);
  }
}
