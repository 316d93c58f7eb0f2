//! The names of the company: what always exists, under names that documentation and demos can rely on, and the
//! tables from which everything else is made.

use super::{SignOnMode, Status, UserKind};

/// The mail domain of all logins.
pub const DOMAIN: &str = "alderfinch.example";
/// The company's name.
pub const COMPANY_NAME: &str = "Alder & Finch";
/// The organisation's subdomain at the provider.
pub const SUBDOMAIN: &str = "alderfinch";

/// The smallest company, people.
pub const FEWEST_PEOPLE: u32 = PEOPLE.len() as u32;
/// The smallest company, groups.
pub const FEWEST_GROUPS: u32 = GROUPS.len() as u32;
/// The smallest company, applications.
pub const FEWEST_APPS: u32 = APPS.len() as u32;

/// Reaches [`GITHUB`] three ways: through [`ENG`], through [`ENG_PLATFORM`] and directly.
pub const ADA: &str = "ada.lovelace";
/// Left the company; still has a direct, active row in [`GITHUB`] and never left [`ENG`].
pub const LEAVER: &str = "lee.vargas";
/// Left the company; the row in [`GITHUB`] stayed behind with status `DEPROVISIONED`.
pub const CLEAN_LEAVER: &str = "nora.lindqvist";
/// A contractor who administers [`GITHUB`] and is assigned [`AWS`], never used: only a failed attempt is on record.
pub const CONTRACTOR: &str = "carl.mendes";
/// A service account that is `SUPER_ADMIN`.
pub const SERVICE_ACCOUNT: &str = "svc-provisioning";
/// Somebody whose name has quotes, an apostrophe, a comma and letters from three scripts.
pub const ODD_NAME: &str = "siobhan.o'neill";
/// An active account that never signed in: no `lastLogin`, no `passwordChanged`.
pub const NEW_HIRE: &str = "nils.newhire";
/// The head of the company: no manager.
pub const CHIEF: &str = "miriam.okafor";
/// A suspended account.
pub const SUSPENDED: &str = "pavel.sorokin";
/// A staged account.
pub const STAGED: &str = "stella.rossi";
/// A provisioned account that was never activated.
pub const PROVISIONED: &str = "petra.novak";
/// A locked-out account.
pub const LOCKED_OUT: &str = "luca.moretti";
/// An account with an expired password; can still sign in.
pub const PASSWORD_EXPIRED: &str = "erin.walsh";
/// An account in recovery; can still sign in.
pub const RECOVERING: &str = "rui.tavares";
/// `HELP_DESK_ADMIN` through the group [`IT_ADMINS`].
pub const HELP_DESK: &str = "hana.kimura";
/// `USER_ADMIN` limited to [`ENG`] and [`SALES`].
pub const GROUP_ADMIN: &str = "greta.hoffmann";
/// `APP_ADMIN` limited to [`GITHUB`].
pub const APP_ADMIN: &str = "aaron.bell";
/// Holds the custom role [`CUSTOM_ROLE`] on [`RESOURCE_SET`].
pub const CUSTOM_ADMIN: &str = "rosa.delgado";
/// `READ_ONLY_ADMIN`.
pub const AUDITOR: &str = "olaf.berg";
/// Active, assigned, and last seen more than 90 days ago.
pub const DORMANT: &str = "dora.quinn";

/// Filled by a rule: everyone in engineering. Assigned [`GITHUB`].
pub const ENG: &str = "eng";
/// The platform team. Assigned [`GITHUB`].
pub const ENG_PLATFORM: &str = "eng-platform";
/// Part of the platform team.
pub const ENG_PLATFORM_ONCALL: &str = "eng-platform-oncall";
/// Filled by a rule: everyone in sales.
pub const SALES: &str = "sales";
/// Filled by a rule: everyone in finance.
pub const FINANCE: &str = "finance";
/// Carries `HELP_DESK_ADMIN` for its members.
pub const IT_ADMINS: &str = "it-admins";
/// Filled by a rule: all contractors.
pub const CONTRACTORS: &str = "contractors";
/// Filled by a rule: all employees; more than 1,000 members where the company has as many.
pub const ALL_STAFF: &str = "all-staff";
/// Nobody is in it, yet an application is assigned to it.
pub const EMPTY_GROUP: &str = "legacy-vpn-users";
/// Has a null description.
pub const UNDESCRIBED_GROUP: &str = "tmp-project-x";
/// Imported from [`DIRECTORY`].
pub const DIRECTORY_GROUP: &str = "CORP\\Domain Users";

/// Imported from [`GITHUB`]: what [`ENG`] becomes there when it is pushed.
pub const PUSHED_GROUP: &str = "github-eng";

/// Assigned to two groups and to people directly.
pub const GITHUB: &str = "GitHub";
/// Assigned to *Everyone*.
pub const SLACK: &str = "Slack";
/// Everyone may use it without any assignment.
pub const HANDBOOK: &str = "Company Handbook";
/// The provider's own application for administrators.
pub const ADMIN_CONSOLE: &str = "Okta Admin Console";
/// Production infrastructure.
pub const AWS: &str = "AWS Production";
/// A directory: its sign-on mode is null.
pub const DIRECTORY: &str = "corp.alderfinch.example";
/// A machine client without users.
pub const PAYROLL_API: &str = "Payroll Export Service";
/// A machine client that holds a standard and a custom role and may read the directory.
pub const REVIEW_ROBOT: &str = "Access Review Robot";
/// A machine client that authenticates with a secret and administers [`GITHUB`] and [`AWS`].
pub const SECURITY_SCANNER: &str = "Security Scanner";
/// An application whose status is `INACTIVE`, with rows left in it.
pub const OLD_WIKI: &str = "Old Wiki";

/// The custom role.
pub const CUSTOM_ROLE: &str = "Engineering Access Steward";
/// The custom role that most administrators hold, on [`WHOLE_DIRECTORY`].
pub const DIRECTORY_READER: &str = "Directory Reader";
/// The resource set that the custom role is limited to.
pub const RESOURCE_SET: &str = "Engineering resources";
/// The resource set with many resources.
pub const WHOLE_DIRECTORY: &str = "Whole directory";

/// A special person. Department and team are indices into [`DEPARTMENTS`].
pub(super) struct Person {
    pub(super) login: &'static str,
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    pub(super) department: u8,
    pub(super) team: u8,
    pub(super) title: &'static str,
    pub(super) kind: UserKind,
    pub(super) status: Status,
}

const fn person(login: &'static str, name: [&'static str; 2], place: [u8; 2], title: &'static str) -> Person {
    Person {
        login,
        first: name[0],
        last: name[1],
        department: place[0],
        team: place[1],
        title,
        kind: UserKind::Employee,
        status: Status::Active,
    }
}

impl Person {
    const fn of_kind(mut self, kind: UserKind) -> Self {
        self.kind = kind;
        self
    }

    const fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }
}

const ENGINEERING: u8 = 0;
const IN_SALES: u8 = 1;
const IN_SUPPORT: u8 = 2;
const IN_FINANCE: u8 = 3;
const IN_IT: u8 = 4;

/// The special people, in the order of their indices.
pub(super) const PEOPLE: [Person; 20] = [
    person(CHIEF, ["Miriam", "Okafor"], [ENGINEERING, 0], "Chief Executive Officer"),
    person(ADA, ["Ada", "Lovelace"], [ENGINEERING, 0], "Staff Engineer"),
    person(LEAVER, ["Lee", "Vargas"], [ENGINEERING, 1], "Software Engineer")
        .with_status(Status::Deprovisioned),
    person(CLEAN_LEAVER, ["Nora", "Lindqvist"], [ENGINEERING, 1], "Software Engineer")
        .with_status(Status::Deprovisioned),
    person(CONTRACTOR, ["Carl", "Mendes"], [IN_IT, 0], "Consultant").of_kind(UserKind::Contractor),
    person(SERVICE_ACCOUNT, ["Provisioning", "Service"], [IN_IT, 0], "Service account")
        .of_kind(UserKind::Service),
    person(ODD_NAME, ["Siobhán \"Shiv\"", "O'Neill-Ñúñez, 李"], [IN_SALES, 0], "Account Executive"),
    person(NEW_HIRE, ["Nils", "Newhire"], [IN_SALES, 1], "Sales Development Representative"),
    person(SUSPENDED, ["Pavel", "Sorokin"], [IN_FINANCE, 0], "Accountant").with_status(Status::Suspended),
    person(STAGED, ["Stella", "Rossi"], [IN_SUPPORT, 0], "Support Specialist").with_status(Status::Staged),
    person(PROVISIONED, ["Petra", "Novák"], [IN_SUPPORT, 0], "Support Specialist")
        .with_status(Status::Provisioned),
    person(LOCKED_OUT, ["Luca", "Moretti"], [IN_SALES, 0], "Account Manager").with_status(Status::LockedOut),
    person(PASSWORD_EXPIRED, ["Erin", "Walsh"], [IN_FINANCE, 0], "Payroll Specialist")
        .with_status(Status::PasswordExpired),
    person(RECOVERING, ["Rui", "Tavares"], [ENGINEERING, 1], "Software Engineer")
        .with_status(Status::Recovery),
    person(HELP_DESK, ["Hana", "Kimura"], [IN_IT, 0], "IT Support Engineer"),
    person(GROUP_ADMIN, ["Greta", "Hoffmann"], [IN_IT, 1], "Identity Engineer"),
    person(APP_ADMIN, ["Aaron", "Bell"], [ENGINEERING, 0], "Developer Experience Lead"),
    person(CUSTOM_ADMIN, ["Rosa", "Delgado"], [ENGINEERING, 0], "Engineering Manager"),
    person(AUDITOR, ["Olaf", "Berg"], [IN_FINANCE, 0], "Internal Auditor"),
    person(DORMANT, ["Dora", "Quinn"], [ENGINEERING, 1], "Software Engineer"),
];

/// The special groups after *Everyone*, in the order of their indices.
pub(super) const GROUPS: [&str; 13] = [
    "Everyone",
    ENG,
    ENG_PLATFORM,
    ENG_PLATFORM_ONCALL,
    IT_ADMINS,
    CONTRACTORS,
    EMPTY_GROUP,
    DIRECTORY_GROUP,
    UNDESCRIBED_GROUP,
    ALL_STAFF,
    SALES,
    FINANCE,
    PUSHED_GROUP,
];

/// The special applications (catalogue key, label, sign-on mode), in the order of their indices.
pub(super) const APPS: [(&str, &str, Option<SignOnMode>); 14] = [
    ("githubcloud", GITHUB, Some(SignOnMode::Saml)),
    ("slack", SLACK, Some(SignOnMode::Saml)),
    ("oidc_client", HANDBOOK, Some(SignOnMode::OpenIdConnect)),
    ("saasure", ADMIN_CONSOLE, Some(SignOnMode::OpenIdConnect)),
    ("amazon_aws", AWS, Some(SignOnMode::Saml)),
    ("active_directory", DIRECTORY, None),
    ("oidc_client", PAYROLL_API, Some(SignOnMode::OpenIdConnect)),
    ("template_swa", OLD_WIKI, Some(SignOnMode::BrowserPlugin)),
    ("bookmark", "Intranet", Some(SignOnMode::Bookmark)),
    ("alderfinch_travelportal_1", "Travel Portal", Some(SignOnMode::SecurePasswordStore)),
    ("alderfinch_expensetool_1", "Expense Tool", Some(SignOnMode::AutoLogin)),
    ("template_swa", "Supplier Portal", Some(SignOnMode::BrowserPlugin)),
    ("oidc_client", REVIEW_ROBOT, Some(SignOnMode::OpenIdConnect)),
    ("oidc_client", SECURITY_SCANNER, Some(SignOnMode::OpenIdConnect)),
];

/// A department: prefix of its groups, name, teams, and how many of 100 people work there.
pub struct Department {
    /// The prefix of its groups' names.
    pub prefix: &'static str,
    /// The value of `profile.department`.
    pub name: &'static str,
    /// Its teams.
    pub teams: &'static [&'static str],
    /// Its share of the people, in percent.
    pub percent: u64,
    pub(super) titles: &'static [&'static str],
}

/// All departments.
pub static DEPARTMENTS: [Department; 10] = [
    department(
        "eng",
        "Engineering",
        32,
        &["platform", "web", "mobile", "data", "security", "infra", "quality", "tools"],
        &[
            "Software Engineer",
            "Senior Software Engineer",
            "Staff Engineer",
            "Engineering Manager",
            "Test Engineer",
        ],
    ),
    department(
        "sales",
        "Sales",
        18,
        &["emea", "amer", "apac", "operations", "partners"],
        &["Account Executive", "Account Manager", "Sales Engineer", "Regional Sales Lead"],
    ),
    department(
        "support",
        "Customer Support",
        14,
        &["tier1", "tier2", "escalations", "tooling"],
        &["Support Specialist", "Support Engineer", "Support Lead"],
    ),
    department(
        "finance",
        "Finance",
        6,
        &["accounting", "payroll", "procurement"],
        &["Accountant", "Payroll Specialist", "Financial Analyst"],
    ),
    department(
        "it",
        "IT",
        5,
        &["helpdesk", "identity", "network"],
        &["IT Support Engineer", "Systems Engineer", "Network Engineer"],
    ),
    department(
        "people",
        "People",
        4,
        &["recruiting", "partners", "operations"],
        &["Recruiter", "People Partner", "People Operations Specialist"],
    ),
    department(
        "marketing",
        "Marketing",
        8,
        &["brand", "growth", "events"],
        &["Content Designer", "Growth Analyst", "Campaign Specialist"],
    ),
    department("legal", "Legal", 2, &["contracts", "privacy"], &["Counsel", "Paralegal"]),
    department(
        "product",
        "Product",
        6,
        &["research", "design", "analytics"],
        &["Product Lead", "Product Designer", "User Researcher"],
    ),
    department(
        "ops",
        "Operations",
        5,
        &["facilities", "logistics"],
        &["Office Coordinator", "Logistics Planner", "Facilities Technician"],
    ),
];

const fn department(
    prefix: &'static str,
    name: &'static str,
    percent: u64,
    teams: &'static [&'static str],
    titles: &'static [&'static str],
) -> Department {
    Department { prefix, name, teams, percent, titles }
}

/// Cities and country codes of the offices.
pub const LOCATIONS: [(&str, &str); 8] = [
    ("Berlin", "DE"),
    ("Lisbon", "PT"),
    ("Toronto", "CA"),
    ("Austin", "US"),
    ("Osaka", "JP"),
    ("Nairobi", "KE"),
    ("Dublin", "IE"),
    ("Remote", "US"),
];

pub(super) const FIRST_NAMES: [&str; 64] = [
    "Aiko", "Alma", "Amir", "Anja", "Arun", "Asha", "Axel", "Bela", "Bruno", "Cara", "Chidi", "Chloe",
    "Dalia", "Dario", "David", "Divya", "Elena", "Elif", "Emil", "Enzo", "Farah", "Felix", "Fiona", "Gita",
    "Goran", "Hugo", "Ilse", "Imani", "Ines", "Ivan", "Jana", "Jonas", "Julia", "Kai", "Karim", "Kofi",
    "Laila", "Lars", "Lena", "Lin", "Lucia", "Maja", "Marco", "Maya", "Milan", "Mina", "Nadia", "Nina",
    "Noah", "Olga", "Omar", "Paula", "Priya", "Rafael", "Ravi", "Sara", "Sofia", "Tariq", "Tess", "Tomas",
    "Uma", "Viktor", "Yara", "Zoe",
];

pub(super) const LAST_NAMES: [&str; 64] = [
    "Abara", "Adler", "Ahmed", "Almeida", "Andersen", "Banerjee", "Bauer", "Becker", "Bianchi", "Bosman",
    "Castro", "Chen", "Costa", "Dahl", "Diaz", "Dubois", "Eriksen", "Farouk", "Fischer", "Fonseca", "Garcia",
    "Gruber", "Haddad", "Hansen", "Hayashi", "Horvat", "Ibrahim", "Ito", "Jansen", "Jensen", "Kamara",
    "Kaya", "Keller", "Khan", "Kowalski", "Larsen", "Leroy", "Lopez", "Marin", "Mbeki", "Meyer", "Mora",
    "Mutua", "Nakamura", "Nguyen", "Nowak", "Oduya", "Olsen", "Park", "Patel", "Pereira", "Petrov",
    "Popescu", "Ramos", "Reyes", "Santos", "Sato", "Schmidt", "Silva", "Singh", "Suzuki", "Tanaka", "Weber",
    "Yilmaz",
];

/// Applications that an organisation of any size may have: catalogue key, label, sign-on mode, provisioning.
pub(super) const CATALOGUE: [(&str, &str, SignOnMode, bool); 36] = [
    ("salesforce", "Salesforce", SignOnMode::Saml, true),
    ("jira_onprem", "Jira", SignOnMode::Saml, false),
    ("confluence", "Confluence", SignOnMode::Saml, false),
    ("zoomus", "Zoom", SignOnMode::Saml, true),
    ("google", "Google Workspace", SignOnMode::Saml, true),
    ("office365", "Microsoft 365", SignOnMode::Saml, true),
    ("zendesk", "Zendesk", SignOnMode::Saml, false),
    ("snowflake", "Snowflake", SignOnMode::Saml, true),
    ("datadog", "Datadog", SignOnMode::Saml, false),
    ("pagerduty", "PagerDuty", SignOnMode::Saml, true),
    ("workday", "Workday", SignOnMode::Saml, false),
    ("netsuite", "NetSuite", SignOnMode::Saml, false),
    ("figma", "Figma", SignOnMode::Saml, true),
    ("miro", "Miro", SignOnMode::Saml, false),
    ("notion", "Notion", SignOnMode::Saml, true),
    ("gitlab", "GitLab", SignOnMode::Saml, false),
    ("oidc_client", "Release Dashboard", SignOnMode::OpenIdConnect, false),
    ("oidc_client", "Feature Flags", SignOnMode::OpenIdConnect, false),
    ("oidc_client", "Customer Lookup", SignOnMode::OpenIdConnect, false),
    ("tableau", "Tableau", SignOnMode::Saml, false),
    ("hubspot", "HubSpot", SignOnMode::Saml, true),
    ("docusign", "DocuSign", SignOnMode::Saml, false),
    ("asana", "Asana", SignOnMode::Saml, true),
    ("box", "Box", SignOnMode::Saml, true),
    ("dropbox", "Dropbox", SignOnMode::Saml, true),
    ("sentry", "Sentry", SignOnMode::Saml, false),
    ("vault", "Vault", SignOnMode::OpenIdConnect, false),
    ("grafana", "Grafana", SignOnMode::OpenIdConnect, false),
    ("bookmark", "Benefits", SignOnMode::Bookmark, false),
    ("bookmark", "Cafeteria Menu", SignOnMode::Bookmark, false),
    ("linkedin", "LinkedIn Learning", SignOnMode::Saml, false),
    ("template_swa", "Bank Portal", SignOnMode::BrowserPlugin, false),
    ("greenhouse", "Greenhouse", SignOnMode::Saml, true),
    ("lever", "Lever", SignOnMode::Saml, false),
    ("cloudflare", "Cloudflare", SignOnMode::Saml, false),
    ("onepassword", "Password Vault", SignOnMode::AutoLogin, false),
];

/// Words for projects.
pub(super) const PROJECTS: [&str; 24] = [
    "aurora", "basalt", "cobalt", "delta", "ember", "falcon", "garnet", "harbor", "indigo", "juniper",
    "kestrel", "lumen", "mistral", "nimbus", "onyx", "prism", "quartz", "ridge", "sierra", "tundra", "umbra",
    "vertex", "willow", "zephyr",
];
