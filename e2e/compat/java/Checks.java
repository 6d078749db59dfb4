import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Runs named checks in order and prints one line each; the exit code says whether all passed. ONLY in the environment chooses
 * those whose names contain it. It knows no client.
 */
final class Checks {
    static final String BOOTSTRAP = environment("BOOTSTRAP", "127.0.0.1:9092");
    private static final String RUN = environment("RUN", String.valueOf(System.currentTimeMillis()));
    private static final String ONLY = environment("ONLY", "");
    private static final long WAIT_MS = 30_000;
    private static final long CHECK_S_MAX = 240;

    private final List<String> titles = new ArrayList<>();
    private final List<Callable<?>> bodies = new ArrayList<>();

    interface Body {
        void run() throws Exception;
    }

    private static String environment(String key, String otherwise) {
        return System.getenv().getOrDefault(key, otherwise);
    }

    /** A topic or group of this run. */
    static String name(String kind) {
        return "java-" + kind + "-" + RUN;
    }

    void add(String title, Body body) {
        if (!title.contains(ONLY)) {
            return;
        }
        titles.add(title);
        bodies.add(() -> {
            body.run();
            return null;
        });
    }

    static void equal(Object seen, Object expected) {
        if (!Objects.equals(seen, expected)) {
            throw new AssertionError("expected " + expected + ", saw " + seen);
        }
    }

    /** Fails with the first difference of long lists. */
    static void same(List<?> seen, List<?> expected) {
        int i = 0;
        while (i < seen.size() && i < expected.size() && seen.get(i).equals(expected.get(i))) {
            i++;
        }
        expect(i == seen.size() && i == expected.size(), expected.size() + " values, saw " + seen.size() + "; from " + i
            + " on expected " + expected.stream().skip(i).limit(5).toList() + ", saw " + seen.stream().skip(i).limit(5).toList());
    }

    static void expect(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError("expected " + what);
        }
    }

    /** The class of the error that a future fails with. */
    static void fails(Future<?> future, Class<? extends Exception> error) throws Exception {
        try {
            Object seen = future.get(30, TimeUnit.SECONDS);
            throw new AssertionError("expected " + error.getSimpleName() + ", saw " + seen);
        } catch (ExecutionException e) {
            expect(error.isInstance(e.getCause()), error.getSimpleName() + ", saw " + e.getCause());
        }
    }

    /** The error that a call throws, which is one of some. */
    @SafeVarargs
    static Exception raises(Body body, Class<? extends Exception>... errors) {
        List<String> names = Arrays.stream(errors).map(Class::getSimpleName).toList();
        try {
            body.run();
        } catch (Exception error) {
            expect(Arrays.stream(errors).anyMatch(expected -> expected.isInstance(error)), names + ", saw " + error);
            return error;
        }
        throw new AssertionError("expected " + names + ", saw none");
    }

    static void until(String what, Callable<Boolean> condition) throws Exception {
        until(what, WAIT_MS, condition);
    }

    static void until(String what, long waitMs, Callable<Boolean> condition) throws Exception {
        long deadline = System.currentTimeMillis() + waitMs;
        while (System.currentTimeMillis() < deadline) {
            if (condition.call()) {
                return;
            }
            Thread.sleep(50);
        }
        throw new AssertionError("not within " + waitMs + " ms: " + what);
    }

    void run() {
        ExecutorService thread = Executors.newSingleThreadExecutor();
        boolean failed = false;
        for (int i = 0; i < titles.size(); i++) {
            long started = System.nanoTime();
            try {
                thread.submit(bodies.get(i)).get(CHECK_S_MAX, TimeUnit.SECONDS);
                System.out.printf("ok %s (%.1f s)%n", titles.get(i), (System.nanoTime() - started) / 1e9);
            } catch (Exception error) {
                failed = true;
                Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
                System.out.printf("FAIL %s: %s%n", titles.get(i), cause);
                cause.printStackTrace(System.out);
                if (!(error instanceof ExecutionException)) {
                    thread.shutdownNow();
                    thread = Executors.newSingleThreadExecutor();
                }
            }
        }
        System.exit(failed ? 1 : 0);
    }
}
