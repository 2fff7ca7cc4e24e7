"""What is kept, as tables. Times are seconds since 1970 by the database's clock, the one clock that all hosts share.

people       who may sign in, and as what
courses      courses, their assignments' dates and policies
work         what is handed in, and the work that it makes
marks        what staff add, and the record of it
lti          the university's systems, and the grades that they have
"""

from grader_service.database.models.base import Base
from grader_service.database.models.courses import COUNTS, HIDDEN_RESULTS, Course, CourseAssignment, Extension
from grader_service.database.models.lti import (
    SCORE_STATES,
    LtiContext,
    LtiDeployment,
    LtiIdentity,
    LtiLaunch,
    LtiLink,
    LtiMember,
    LtiPlatform,
    LtiScore,
    LtiUsed,
)
from grader_service.database.models.marks import AuditEntry, Comment, Override, Regrade, RubricItem, RubricScore
from grader_service.database.models.people import ROLES, SCOPES, Identity, Membership, OneTimeLink, Person, Token
from grader_service.database.models.work import (
    JOB_STATES,
    KINDS,
    Host,
    Job,
    Picture,
    Queue,
    Rendering,
    Result,
    Sheet,
    Submission,
    Upload,
)

__all__ = [
    "COUNTS",
    "HIDDEN_RESULTS",
    "JOB_STATES",
    "KINDS",
    "ROLES",
    "SCOPES",
    "SCORE_STATES",
    "AuditEntry",
    "Base",
    "Comment",
    "Course",
    "CourseAssignment",
    "Extension",
    "Host",
    "Identity",
    "Job",
    "LtiContext",
    "LtiDeployment",
    "LtiIdentity",
    "LtiLaunch",
    "LtiLink",
    "LtiMember",
    "LtiPlatform",
    "LtiScore",
    "LtiUsed",
    "Membership",
    "OneTimeLink",
    "Override",
    "Person",
    "Picture",
    "Queue",
    "Regrade",
    "Rendering",
    "Result",
    "RubricItem",
    "RubricScore",
    "Sheet",
    "Submission",
    "Token",
    "Upload",
]
