import Base
import Glibc
import Testing

/// Runs lime itself, where a Python has it, and compares with what the fixtures say it said.
@Suite struct LIMELiveTests {
    /// `GITML_PYTHON` if set, else `python3` of the PATH; nil when it has no lime.
    static let python: String? = {
        let name = getenv("GITML_PYTHON").map { String(cString: $0) } ?? "python3"
        let found = try? Subprocess([name, "-c", "import lime.lime_text, sklearn"]).run()
        return found?.status == 0 ? name : nil
    }()

    @Test(.enabled(if: python != nil, "needs a Python with lime 0.2.0.1: set GITML_PYTHON to it"))
    func `the fixtures are what the package says now`() throws {
        let folder = Files.parent(of: #filePath) + "/Fixtures"
        let run = try Subprocess([try #require(LIMELiveTests.python), folder + "/make-lime-cases.py"]).run()
        try #require(run.status == 0, "\(run.errorText)")
        let fresh = try JSON(parsing: run.output)
        let kept = try JSON(parsing: Files.read(folder + "/lime-cases.json"))
        #expect(CaptumLiveTests.difference(fresh, kept) < 1e-10)
    }
}
