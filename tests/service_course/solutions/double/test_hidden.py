from autograder.testing import assert_close, points


@points(1, problem="double")
def test_double_of_five(student, record):
    """double(5) = 10."""
    record.curve("Doubles", "x", [1.0, 2.0], doubled=[2.0, 4.0])
    assert_close(student.double(5.0), 10.0)


@points(1, problem="double")
def test_double_of_minus_one(student):
    """double(-1) = -2."""
    assert_close(student.double(-1.0), -2.0)


@points(1, problem="double")
def test_double_of_zero(student):
    """double(0) = 0."""
    assert_close(student.double(0.0), 0.0)
