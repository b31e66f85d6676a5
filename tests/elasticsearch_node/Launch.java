import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Runs one Elasticsearch node in this process until it is told to stop, for tests.
 *
 * <p>Arguments: home, config folder, then settings as name=value; a value with a comma is a list. The checks of the
 * vendor's own start (memory lock, limits, entitlements) are not run. Prints NODE READY once it answers.
 */
public class Launch {
    public static void main(String[] args) throws Exception {
        Settings.Builder settings = Settings.builder().put("path.home", Path.of(args[0]).toAbsolutePath().toString());
        for (int at = 2; at < args.length; at++) {
            String[] pair = args[at].split("=", 2);
            if (pair[1].contains(",")) {
                settings.putList(pair[0], pair[1].split(","));
            } else {
                settings.put(pair[0], pair[1]);
            }
        }
        Environment environment = new Environment(settings.build(), Path.of(args[1]).toAbsolutePath());
        LogConfigurator.registerErrorListener();
        LogConfigurator.configure(environment, true);
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir(), false),
            PluginsLoader.loadPluginsBundles(environment.pluginsDir(), false),
            Map.of(),
            Node.class.getModule().isNamed());
        Node node = new Node(environment, plugins);
        node.start();
        System.err.println("NODE READY");
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception problem) {
                problem.printStackTrace();
            }
            closed.countDown();
        }));
        closed.await();
    }
}
