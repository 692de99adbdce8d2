import Base
import Explainers
import Glibc
import Testing

/// Runs the packages themselves on texts and seeds of their own, where a Python has shap.
@Suite struct ShapLiveTests {
    /// `GITML_PYTHON` if set, else `python3` of the PATH; nil when it has no shap.
    static let python: String? = {
        let name = getenv("GITML_PYTHON").map { String(cString: $0) } ?? "python3"
        let found = try? Subprocess([name, "-c", "import shap, scipy, sys; sys.exit(shap.__version__ != '0.51.0')"])
            .run()
        return found?.status == 0 ? name : nil
    }()

    @Test(
        .enabled(if: python != nil, "needs a Python with shap 0.51.0: set GITML_PYTHON to it"), arguments: [1])
    func `values are those of the package run now`(_ seed: Int) throws {
        let script = Files.parent(of: #filePath) + "/Fixtures/make-shap-cases.py"
        let run = try Subprocess([try #require(ShapLiveTests.python), script, String(seed)]).run()
        try #require(run.status == 0, "\(run.errorText)")
        let fixture = ShapFixture(try JSON(parsing: run.output))
        #expect(fixture.cases.count >= 23)
        for test in fixture.cases {
            let difference = try ShapFixture.difference(test)
            #expect(difference < ShapFixture.bound(test), "\(test.testDescription): \(test.string("text")!)")
        }
        #expect(fixture.wrongVariants() == [])
        #expect(try fixture.linearDifference() < 1e-12)
        #expect(try fixture.infidelityDifference() < 1e-12)
        try fixture.checkAgreement()
    }
}
