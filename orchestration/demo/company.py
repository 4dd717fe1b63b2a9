"""Who the demo company is: its funnel's labels, people, customers, products and wording. Data, and no arithmetic.

Stage labels, evidence keys and the ideal customer profile repeat what `quality/standards/` asks for, because a
CRM knows nothing of standards; a test holds the two together.
"""

from dataclasses import dataclass

STAGES = (
    "initial_contact",
    "qualification",
    "needs_analysis",
    "solution_demo",
    "proposal",
    "negotiation",
    "won",
    "lost",
    "nurture",
)
STAGE_LABELS = ("初步接洽", "资格确认", "需求分析", "方案演示", "方案报价", "商务谈判", "赢单", "输单", "长期培育")
OPEN_STAGES = 6
WON, LOST, NURTURE = 6, 7, 8
# The CRM's own probabilities: set once by an administrator, never compared with what happened.
CRM_PROBABILITIES = ("0.10", "0.20", "0.35", "0.50", "0.65", "0.85", "1.00", "0.00", "0.00")
FUNNEL = "direct_sales"

FORECAST_CATEGORIES = ("pipeline", "best_case", "commit", "closed", "omitted")
ACTIVITY_TYPES = ("demo", "interview", "call", "email", "meeting")
DEMO, INTERVIEW, CALL, EMAIL, MEETING = range(5)
DIRECTIONS = ("inbound", "outbound", "internal")
INBOUND, OUTBOUND, INTERNAL = range(3)
STATUSES = ("held", "planned", "cancelled")
HELD, PLANNED, CANCELLED = range(3)
ROLES = ("decision_maker", "economic_buyer", "champion", "user")
DECISION_MAKER, ECONOMIC_BUYER, CHAMPION, USER = range(4)
KINDS = ("customer_action", "recorded_event", "document", "seller_opinion")
CUSTOMER_ACTION, RECORDED_EVENT, DOCUMENT, SELLER_OPINION = range(4)


@dataclass(frozen=True)
class Proof:
    """One piece of evidence that a gate asks for.

    `gate` is the index of the stage whose end it is asked at; the entry gate of negotiation is the end of the
    proposal. `key` is an evidence key, or '' where an activity is the proof. `ease` is the log-odds that a deal
    of average diligence has it in time.
    """

    criterion: str
    gate: int
    key: str
    kind: int
    ease: float
    grace_days: int = 0


PROOFS = (
    Proof("direct_sales.initial_contact.discovery_held", 0, "", CUSTOMER_ACTION, 2.1),
    Proof("direct_sales.initial_contact.pain_points_recorded", 0, "pain_points", RECORDED_EVENT, 2.0),
    Proof("direct_sales.qualification.budget_confirmed", 1, "budget", CUSTOMER_ACTION, 1.7),
    Proof("direct_sales.qualification.authority_confirmed", 1, "authority", CUSTOMER_ACTION, 2.0),
    Proof("direct_sales.qualification.need_confirmed", 1, "need", CUSTOMER_ACTION, 2.4),
    Proof("direct_sales.qualification.timeline_confirmed", 1, "timeline", CUSTOMER_ACTION, 1.7),
    Proof("direct_sales.needs_analysis.requirements_signed_off", 2, "requirements", DOCUMENT, 2.1),
    Proof("direct_sales.proposal.receipt_in_writing", 4, "proposal_receipt", CUSTOMER_ACTION, 2.2, grace_days=1),
    Proof("direct_sales.proposal.internal_review_dated", 4, "internal_review_date", CUSTOMER_ACTION, 1.7),
    Proof("direct_sales.negotiation.decision_maker_engaged", 4, "", CUSTOMER_ACTION, 2.3),
    Proof("direct_sales.negotiation.decision_maker_engaged", 4, "decision_maker_comments", CUSTOMER_ACTION, 2.4),
)
DISCOVERY, PAIN_POINTS, REQUIREMENTS, REVIEW_DATE, DECISION_MAKER_DEMO = 0, 1, 6, 8, 9
EVIDENCE_KEYS = tuple(sorted({proof.key for proof in PROOFS if proof.key}))


@dataclass(frozen=True)
class Region:
    """Where customers are. `share` of accounts; `team` is an index into TEAMS."""

    name: str
    countries: tuple[str, ...]
    share: float
    currency: str
    team: int
    is_chinese: bool


TEAMS = ("华东团队", "华南团队", "北方团队", "DACH team", "International team")
REGIONS = (
    Region("East China", ("China",), 0.26, "CNY", 0, True),
    Region("South China", ("China",), 0.18, "CNY", 1, True),
    Region("North China", ("China",), 0.12, "CNY", 2, True),
    Region("West China", ("China",), 0.08, "CNY", 2, True),
    Region("DACH", ("Germany", "Austria", "Switzerland"), 0.22, "EUR", 3, False),
    Region("Western Europe", ("France", "Netherlands", "Belgium"), 0.09, "EUR", 4, False),
    Region("Southeast Asia", ("Singapore", "Malaysia", "Thailand"), 0.05, "EUR", 4, False),
)
CURRENCIES = ("CNY", "EUR")

INDUSTRIES = (
    "Manufacturing",
    "Logistics",
    "Retail",
    "Financial services",
    "Healthcare",
    "Software",
    "Education",
    "Energy",
)
INDUSTRY_SHARES = (0.24, 0.15, 0.13, 0.12, 0.11, 0.11, 0.07, 0.07)

LEAD_SOURCES = ("Website", "Trade fair", "Referral", "Partner", "Outbound", "Content")
LEAD_SOURCE_SHARES = (0.27, 0.16, 0.15, 0.13, 0.19, 0.10)
LEAD_STATUSES = ("New", "Working", "Converted", "Disqualified")

DEAL_TYPES = ("New business", "Expansion")
PRODUCTS = (
    ("Production planning", "生产计划系统"),
    ("Warehouse control", "仓储管理系统"),
    ("Quality analytics", "质量分析平台"),
    ("Service desk", "售后服务平台"),
)

FIT_INDUSTRIES = ("Manufacturing", "Logistics", "Retail")
FIT_REGIONS = ("East China", "South China", "DACH")
FIT_EMPLOYEES = (200, 5000)
FIT_REVENUE = 50_000_000
# Weights of industry, employees, annual revenue and region; they add up to 100.
FIT_WEIGHTS = (35, 30, 20, 15)
FIT_BANDS = (("A", 80), ("B", 60), ("C", 35), ("D", 0))

# Two wordings of the next step for each open stage, English and Chinese.
NEXT_STEPS = (
    (("Arrange the first interview", "约首次访谈"), ("Call back after the trade fair", "展会后回访")),
    (
        ("Ask who releases the budget", "确认预算审批人"),
        ("Get the timeline from the project lead", "向项目负责人确认时间计划"),
    ),
    (("Send the requirements for sign-off", "发送需求文档请客户确认"), ("Workshop on site", "现场需求研讨会")),
    (
        ("Prepare the demo with their data", "用客户数据准备演示"),
        ("Invite the decision maker to the demo", "邀请决策人参加演示"),
    ),
    (
        ("Ask for a reply to the proposal", "请客户书面确认收到报价"),
        ("Agree the date of the internal review", "约定内部评审日期"),
    ),
    (("Settle payment terms", "商定付款条件"), ("Send the final contract", "发送合同终稿")),
)
LOST_REASONS = (
    ("Price", "价格"),
    ("Chose a competitor", "选择竞争对手"),
    ("No budget", "没有预算"),
    ("No decision", "客户未决策"),
    ("Functions missing", "功能不满足"),
    ("Contact left", "联系人离职"),
)
SUBJECTS = (
    ("Product demo", "方案演示"),
    ("Discovery interview", "需求访谈"),
    ("Follow-up call", "电话跟进"),
    ("E-mail", "邮件往来"),
    ("Meeting", "会议"),
)
CONFIRMATIONS = {
    "requirements": ("Requirements signed off", "需求文档已签字确认"),
    "proposal_receipt": ("Proposal received, thank you.", "报价已收到，谢谢。"),
    "decision_maker_comments": ("Terms of service need another look.", "服务条款还需要再讨论。"),
}

CITIES = (
    "上海",
    "苏州",
    "杭州",
    "宁波",
    "南京",
    "无锡",
    "深圳",
    "广州",
    "东莞",
    "佛山",
    "北京",
    "天津",
    "成都",
    "重庆",
    "西安",
    "武汉",
)
CHINESE_WORDS = (
    "恒远", "华晟", "瑞丰", "东启", "博锐", "中科", "天衡", "金源", "盛达", "宏图", "德信", "汇通", "安泰", "新禾",
    "远景", "卓越", "海川", "明珠", "启航", "长青", "鼎新", "凯瑞", "立诚", "顺捷", "嘉和", "泰来", "信达", "合力",
    "晨光", "飞跃", "锦程", "万象",
)  # fmt: skip
CHINESE_TRADES = ("制造", "物流", "商贸", "金融", "医疗", "软件", "教育", "能源")
FOREIGN_WORDS = (
    "Bergmann", "Adler", "Nordwind", "Steinbach", "Lindner", "Hoffmann", "Alpina", "Rheintal", "Kessler", "Vogel",
    "Baumann", "Falk", "Seidel", "Winter", "Albrecht", "Moser", "Huber", "Graf", "Brandt", "Keller", "Lorenz",
    "Merian", "Orion", "Delta", "Vanderlin", "Moreau", "Lambert", "Dubois", "Meridian", "Pacific", "Harbour",
    "Straits",
)  # fmt: skip
FOREIGN_MIDDLES = ("Nord", "Süd", "West", "Ost", "Plus", "Union", "Europa", "Neu")
FOREIGN_TRADES = ("Manufacturing", "Logistics", "Retail", "Finance", "Health", "Software", "Academy", "Energy")

SURNAMES = (
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "林",
    "高", "罗",
)  # fmt: skip
GIVEN_NAMES = (
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛", "明", "超", "霞", "平",
    "晨", "雨",
)  # fmt: skip
FIRST_NAMES = (
    "Anna", "Jonas", "Lena", "Felix", "Marie", "Lukas", "Sophie", "Paul", "Clara", "Max", "Julia", "David", "Laura",
    "Simon", "Nina", "Tobias", "Eva", "Martin", "Katrin", "Oliver",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "Schmidt", "Weber", "Wagner", "Becker", "Schulz", "Koch", "Richter", "Klein", "Wolf", "Neumann",
    "Schwarz", "Zimmermann", "Krüger", "Hartmann", "Lange", "Krause", "Meier", "Lehmann", "Maier",
)  # fmt: skip
