import Base
import Glibc
import Testing

/// Runs captum itself, where a Python has it, and compares with what the fixtures say it said.
@Suite struct CaptumLiveTests {
    /// `GITML_PYTHON` if set, else `python3` of the PATH; nil when it has no captum.
    static let python: String? = {
        let name = getenv("GITML_PYTHON").map { String(cString: $0) } ?? "python3"
        let found = try? Subprocess(
            [name, "-c", "import captum, torch, sys; sys.exit(captum.__version__ != '0.9.0')"]
        ).run()
        return found?.status == 0 ? name : nil
    }()

    @Test(.enabled(if: python != nil, "needs a Python with captum 0.9.0: set GITML_PYTHON to it"))
    func `the fixtures are what the package says now`() throws {
        let folder = "/tmp/git-ml-captum-\(getpid())"
        try Files.makeDirectories(folder)
        defer { try? Files.remove(folder) }
        let script = Files.parent(of: #filePath) + "/Fixtures/make-captum-fixtures.py"
        try Files.copy(script, to: folder + "/make.py")
        let run = try Subprocess([try #require(CaptumLiveTests.python), folder + "/make.py"]).run()
        try #require(run.status == 0, "\(run.errorText)")
        let fresh = try JSON(parsing: Files.read(folder + "/captum.json"))
        let kept = try JSON(parsing: Files.read(Files.parent(of: #filePath) + "/Fixtures/captum.json"))
        #expect(CaptumLiveTests.difference(fresh, kept) < 1e-12)
    }

    /// The largest difference of two documents' numbers; infinite when they are not alike.
    static func difference(_ a: JSON, _ b: JSON) -> Double {
        if let x = a.doubleValue, let y = b.doubleValue { return abs(x - y) }
        if let x = a.arrayValue, let y = b.arrayValue, x.count == y.count {
            return zip(x, y).reduce(0) { max($0, difference($1.0, $1.1)) }
        }
        if let x = a.objectValue, let y = b.objectValue, x.count == y.count {
            return x.pairs.reduce(0) { worst, pair in
                max(worst, y[pair.key].map { difference(pair.value, $0) } ?? .infinity)
            }
        }
        return a == b ? 0 : .infinity
    }
}
