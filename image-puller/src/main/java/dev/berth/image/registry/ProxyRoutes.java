package dev.berth.image.registry;

import java.util.Optional;
import org.apache.hc.client5.http.auth.UsernamePasswordCredentials;
import org.apache.hc.client5.http.impl.auth.BasicScheme;
import org.apache.hc.client5.http.impl.routing.DefaultRoutePlanner;
import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.jspecify.annotations.Nullable;

/** Leads the HTTP library's requests through proxies, and introduces them there. Immutable. */
final class ProxyRoutes extends DefaultRoutePlanner {
  private final ProxyRules rules;

  ProxyRoutes(ProxyRules rules) {
    super(null);
    this.rules = rules;
  }

  private Optional<ProxyRules.Proxy> proxyFor(HttpHost target) {
    return rules.proxyFor(target.getSchemeName(), target.getHostName(), target.getPort());
  }

  @Override
  protected @Nullable HttpHost determineProxy(HttpHost target, HttpContext context) {
    return proxyFor(target).map(ProxyRoutes::hostOf).orElse(null);
  }

  private static HttpHost hostOf(ProxyRules.Proxy proxy) {
    return new HttpHost(proxy.scheme(), proxy.host(), proxy.port());
  }

  /**
   * Returns a context for one request. The proxy's credentials are in it where it has some; they go
   * to the proxy alone, and through a tunnel they do not go at all.
   */
  HttpClientContext context(HttpHost target) {
    HttpClientContext context = HttpClientContext.create();
    proxyFor(target)
        .filter(proxy -> !proxy.user().isEmpty())
        .ifPresent(proxy -> {
          var basic = new BasicScheme();
          basic.initPreemptive(
              new UsernamePasswordCredentials(proxy.user(), proxy.password().toCharArray()));
          context.resetAuthExchange(hostOf(proxy), basic);
        });
    return context;
  }
}
