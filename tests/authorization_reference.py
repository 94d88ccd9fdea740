"""AWS's service authorization reference, as far as Hostler's services go: the data, and its reader.

A line is an action, the types of resources it is on (``*``: always one of these) and, after a bar,
the condition keys of its own; a ``*`` ends those of tags, and ``+`` stands for what every action of
S3 has. Left out are global keys that every service has, and what is of features that no version
here has: SageMaker's other jobs, S3's access points, deliveries of logs, identity providers.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from dataclasses import dataclass
from functools import cache

SAGEMAKER = """
AddTags: endpoint endpoint-config inference-component model transform-job | aws:RequestTag/*
    aws:TagKeys sagemaker:CurrentCustomerMetadataProperties/* sagemaker:CurrentModelLifeCycleStage
    sagemaker:CurrentModelLifeCycleStageStatus sagemaker:TaggingAction
CreateEndpoint: endpoint* endpoint-config* | aws:RequestTag/* aws:TagKeys
CreateEndpointConfig: endpoint-config* | aws:RequestTag/* aws:TagKeys sagemaker:AcceleratorTypes
    sagemaker:InstanceTypes sagemaker:ModelArn sagemaker:NetworkIsolation
    sagemaker:ServerlessMaxConcurrency sagemaker:ServerlessMemorySize sagemaker:VolumeKmsKey
    sagemaker:VpcSecurityGroupIds sagemaker:VpcSubnets
CreateInferenceComponent: endpoint* inference-component* | aws:RequestTag/* aws:TagKeys
    sagemaker:ModelArn
CreateModel: model* | aws:RequestTag/* aws:TagKeys sagemaker:DirectGatedModelAccess
    sagemaker:NetworkIsolation sagemaker:VpcSecurityGroupIds sagemaker:VpcSubnets
CreateTransformJob: transform-job* | aws:RequestTag/* aws:TagKeys sagemaker:InstanceTypes
    sagemaker:ModelArn sagemaker:OutputKmsKey sagemaker:VolumeKmsKey
DeleteEndpoint: endpoint*
DeleteEndpointConfig: endpoint-config*
DeleteInferenceComponent: inference-component*
DeleteModel: model*
DeleteTags: endpoint endpoint-config inference-component model transform-job | aws:TagKeys
    sagemaker:CurrentCustomerMetadataProperties/* sagemaker:CurrentModelLifeCycleStage
    sagemaker:CurrentModelLifeCycleStageStatus
DescribeEndpoint: endpoint*
DescribeEndpointConfig: endpoint-config*
DescribeInferenceComponent: inference-component*
DescribeModel: model*
DescribeTransformJob: transform-job*
InvokeEndpoint: endpoint* inference-component | sagemaker:TargetModel
InvokeEndpointAsync: endpoint*
InvokeEndpointWithResponseStream: endpoint* inference-component
ListEndpointConfigs:
ListEndpoints:
ListInferenceComponents:
ListModels:
ListTags: endpoint endpoint-config inference-component model transform-job |
    sagemaker:CurrentCustomerMetadataProperties/* sagemaker:CurrentModelLifeCycleStage
    sagemaker:CurrentModelLifeCycleStageStatus
ListTransformJobs:
StopTransformJob: transform-job*
UpdateEndpoint: endpoint* endpoint-config*
UpdateEndpointWeightsAndCapacities: endpoint*
UpdateInferenceComponent: inference-component*
UpdateInferenceComponentRuntimeConfig: inference-component*
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html"""

S3 = """
AbortMultipartUpload: object | + s3:AccessGrantsInstanceArn
BypassGovernanceRetention: object | + s3:RequestObjectTag/* s3:RequestObjectTagKeys s3:x-amz-acl
    s3:x-amz-copy-source s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp
    s3:x-amz-grant-write s3:x-amz-grant-write-acp s3:x-amz-metadata-directive
    s3:x-amz-server-side-encryption s3:x-amz-server-side-encryption-aws-kms-key-id
    s3:x-amz-server-side-encryption-customer-algorithm s3:x-amz-storage-class
    s3:x-amz-website-redirect-location
CreateBucket: bucket* | + aws:RequestTag/* aws:TagKeys s3:locationconstraint s3:x-amz-acl
    s3:x-amz-bucket-namespace s3:x-amz-grant-full-control s3:x-amz-grant-read
    s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp
    s3:x-amz-object-ownership
DeleteBucket: bucket* | +
DeleteBucketPolicy: bucket* | +
DeleteBucketWebsite: bucket* | +
DeleteObject: object | + s3:AccessGrantsInstanceArn s3:if-match
DeleteObjectTagging: object | + s3:ExistingObjectTag/*
DeleteObjectVersion: object | + s3:AccessGrantsInstanceArn s3:versionid
DeleteObjectVersionTagging: object | + s3:ExistingObjectTag/* s3:versionid
GetAccelerateConfiguration: bucket* | +
GetBucketAcl: bucket | +
GetBucketCORS: bucket | +
GetBucketLocation: bucket | +
GetBucketLogging: bucket* | +
GetBucketNotification: bucket | +
GetBucketObjectLockConfiguration: bucket* | +
GetBucketOwnershipControls: bucket* | +
GetBucketPolicy: bucket | +
GetBucketPolicyStatus: bucket* | +
GetBucketPublicAccessBlock: bucket* | +
GetBucketRequestPayment: bucket* | +
GetBucketTagging: bucket* | +
GetBucketVersioning: bucket* | +
GetBucketWebsite: bucket* | +
GetEncryptionConfiguration: bucket* | +
GetLifecycleConfiguration: bucket* | +
GetObject: object | + s3:AccessGrantsInstanceArn s3:ExistingObjectTag/*
GetObjectAcl: object | + s3:AccessGrantsInstanceArn s3:ExistingObjectTag/*
GetObjectAttributes: object | + s3:ExistingObjectTag/*
GetObjectLegalHold: object | +
GetObjectRetention: object | +
GetObjectTagging: object | + s3:ExistingObjectTag/*
GetObjectTorrent: object* | +
GetObjectVersion: object | + s3:AccessGrantsInstanceArn s3:ExistingObjectTag/* s3:versionid
GetObjectVersionAcl: object | + s3:AccessGrantsInstanceArn s3:ExistingObjectTag/* s3:versionid
GetObjectVersionAttributes: object | + s3:ExistingObjectTag/* s3:versionid
GetObjectVersionTagging: object | + s3:ExistingObjectTag/* s3:versionid
GetObjectVersionTorrent: object* | + s3:versionid
GetReplicationConfiguration: bucket* | +
ListAllMyBuckets: | +
ListBucket: bucket | + s3:AccessGrantsInstanceArn s3:delimiter s3:max-keys s3:prefix
ListBucketMultipartUploads: bucket* | + aws:ResourceTag/* s3:AccessGrantsInstanceArn
    s3:AccessPointNetworkOrigin s3:AccessPointTag/* s3:DataAccessPointAccount
    s3:DataAccessPointArn
ListBucketVersions: bucket | + s3:AccessGrantsInstanceArn s3:delimiter s3:max-keys s3:prefix
ListMultipartUploadParts: object | + s3:AccessGrantsInstanceArn
ListTagsForResource: bucket | +
PutAccelerateConfiguration: bucket* | +
PutBucketAcl: bucket* | + s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read
    s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp
PutBucketCORS: bucket* | +
PutBucketLogging: bucket* | +
PutBucketNotification: bucket* | +
PutBucketObjectLockConfiguration: bucket* | +
PutBucketOwnershipControls: bucket* | +
PutBucketPolicy: bucket* | +
PutBucketPublicAccessBlock: bucket* | +
PutBucketRequestPayment: bucket* | +
PutBucketTagging: bucket* | +
PutBucketVersioning: bucket* | +
PutBucketWebsite: bucket* | +
PutEncryptionConfiguration: bucket* | +
PutLifecycleConfiguration: bucket* | +
PutObject: object | + s3:AccessGrantsInstanceArn s3:ObjectCreationOperation s3:RequestObjectTag/*
    s3:RequestObjectTagKeys s3:if-match s3:if-none-match s3:object-lock-legal-hold
    s3:object-lock-mode s3:object-lock-remaining-retention-days s3:object-lock-retain-until-date
    s3:x-amz-acl s3:x-amz-copy-source s3:x-amz-grant-full-control s3:x-amz-grant-read
    s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp
    s3:x-amz-metadata-directive s3:x-amz-server-side-encryption
    s3:x-amz-server-side-encryption-aws-kms-key-id
    s3:x-amz-server-side-encryption-customer-algorithm s3:x-amz-storage-class
    s3:x-amz-website-redirect-location
PutObjectAcl: object | + s3:AccessGrantsInstanceArn s3:ExistingObjectTag/* s3:x-amz-acl
    s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp s3:x-amz-grant-write
    s3:x-amz-grant-write-acp s3:x-amz-storage-class
PutObjectLegalHold: object | + s3:object-lock-legal-hold
PutObjectRetention: object | + s3:object-lock-mode s3:object-lock-remaining-retention-days
    s3:object-lock-retain-until-date
PutObjectTagging: object | + s3:ExistingObjectTag/* s3:RequestObjectTag/* s3:RequestObjectTagKeys
PutObjectVersionAcl: object | + s3:AccessGrantsInstanceArn s3:ExistingObjectTag/* s3:versionid
    s3:x-amz-acl s3:x-amz-grant-full-control s3:x-amz-grant-read s3:x-amz-grant-read-acp
    s3:x-amz-grant-write s3:x-amz-grant-write-acp s3:x-amz-storage-class
PutObjectVersionTagging: object | + s3:ExistingObjectTag/* s3:RequestObjectTag/*
    s3:RequestObjectTagKeys s3:versionid
PutReplicationConfiguration: bucket* | + s3:isReplicationPauseRequest
RestoreObject: object | +
TagResource: bucket | + aws:RequestTag/* aws:TagKeys
UntagResource: bucket | + aws:TagKeys
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""

LOGS = """
AssociateKmsKey: log-group*
CreateLogGroup: log-group* | aws:RequestTag/* aws:TagKeys
CreateLogStream: log-stream*
DeleteDataProtectionPolicy: log-group*
DeleteLogGroup: log-group*
DeleteLogStream: log-stream*
DeleteMetricFilter: log-group*
DeleteResourcePolicy:
DeleteRetentionPolicy: log-group*
DeleteSubscriptionFilter: log-group*
DescribeConfigurationTemplates:
DescribeLogGroups:
DescribeLogStreams: log-group*
DescribeMetricFilters: log-group*
DescribeQueries:
DescribeResourcePolicies:
DescribeSubscriptionFilters: log-group*
DisassociateKmsKey: log-group*
FilterLogEvents: log-group*
GetDataProtectionPolicy: log-group*
GetLogEvents: log-stream*
GetLogGroupFields: log-group*
GetLogRecord: log-group*
GetQueryResults: log-group*
ListAggregateLogGroupSummaries:
ListEntitiesForLogGroup:
ListLogGroups:
ListLogGroupsForEntity:
ListLogGroupsForQuery:
ListTagsForResource: log-group
ListTagsLogGroup: log-group*
ProcessWithPipeline: log-group*
PutDataProtectionPolicy: log-group*
PutLogEvents: log-stream*
PutLogGroupDeletionProtection: log-group*
PutMetricFilter: log-group*
PutPipelineRule:
PutResourcePolicy:
PutRetentionPolicy: log-group*
PutSubscriptionFilter: log-group*
StartLiveTail: log-group*
StartQuery: log-group*
TagLogGroup: log-group* | aws:RequestTag/* aws:TagKeys
TagResource: log-group | aws:RequestTag/* aws:TagKeys
Unmask: log-group*
UntagLogGroup: log-group* | aws:TagKeys
UntagResource: log-group | aws:TagKeys
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html"""

IAM = """
AddRoleToInstanceProfile: instance-profile*
AddUserToGroup: group*
AttachGroupPolicy: group* | iam:PolicyARN
AttachRolePolicy: role* | iam:PermissionsBoundary iam:PolicyARN
AttachUserPolicy: user* | iam:PermissionsBoundary iam:PolicyARN
ChangePassword: user*
CreateAccessKey: user*
CreateAccountAlias:
CreateGroup: group*
CreateInstanceProfile: instance-profile* | aws:RequestTag/* aws:TagKeys
CreateLoginProfile: user*
CreatePolicy: policy* | aws:RequestTag/* aws:TagKeys
CreatePolicyVersion: policy*
CreateRole: role* | aws:RequestTag/* aws:TagKeys iam:PermissionsBoundary
CreateServiceLinkedRole: role* | iam:AWSServiceName
CreateUser: user* | aws:RequestTag/* aws:TagKeys iam:PermissionsBoundary
DeleteAccessKey: user*
DeleteAccountAlias:
DeleteGroup: group*
DeleteGroupPolicy: group*
DeleteInstanceProfile: instance-profile*
DeleteLoginProfile: user*
DeletePolicy: policy*
DeletePolicyVersion: policy*
DeleteRole: role* | iam:PermissionsBoundary
DeleteRolePermissionsBoundary: role* | iam:PermissionsBoundary
DeleteRolePolicy: role* | iam:PermissionsBoundary
DeleteServiceLinkedRole: role*
DeleteUser: user*
DeleteUserPermissionsBoundary: user* | iam:PermissionsBoundary
DeleteUserPolicy: user* | iam:PermissionsBoundary
DetachGroupPolicy: group* | iam:PolicyARN
DetachRolePolicy: role* | iam:PermissionsBoundary iam:PolicyARN
DetachUserPolicy: user* | iam:PermissionsBoundary iam:PolicyARN
GenerateServiceLastAccessedDetails: group* policy* role* user*
GetAccessKeyLastUsed: user*
GetAccountAuthorizationDetails:
GetAccountEmailAddress:
GetAccountName:
GetAccountSummary:
GetContextKeysForCustomPolicy:
GetContextKeysForPrincipalPolicy: group role user
GetGroup: group*
GetGroupPolicy: group*
GetInstanceProfile: instance-profile*
GetLoginProfile: user*
GetPolicy: policy*
GetPolicyVersion: policy*
GetRole: role* | iam:PermissionsBoundary
GetRolePolicy: role*
GetServiceLastAccessedDetails:
GetServiceLastAccessedDetailsWithEntities:
GetServiceLinkedRoleDeletionStatus: role*
GetUser: user*
GetUserPolicy: user*
ListAccessKeys: user*
ListAccountAliases:
ListAttachedGroupPolicies: group*
ListAttachedRolePolicies: role*
ListAttachedUserPolicies: user*
ListEntitiesForPolicy: policy*
ListGroupPolicies: group*
ListGroups:
ListGroupsForUser: user*
ListInstanceProfileTags: instance-profile*
ListInstanceProfiles:
ListInstanceProfilesForRole: role*
ListPolicies:
ListPoliciesGrantingServiceAccess: group* role* user*
ListPolicyTags: policy*
ListPolicyVersions: policy*
ListRolePolicies: role*
ListRoleTags: role*
ListRoles:
ListSTSRegionalEndpointsStatus:
ListUserPolicies: user*
ListUserTags: user*
ListUsers:
PassRole: role* | iam:AssociatedResourceArn iam:PassedToService
PutGroupPolicy: group*
PutRolePermissionsBoundary: role* | iam:PermissionsBoundary
PutRolePolicy: role* | iam:PermissionsBoundary
PutUserPermissionsBoundary: user* | iam:PermissionsBoundary
PutUserPolicy: user* | iam:PermissionsBoundary
RemoveRoleFromInstanceProfile: instance-profile*
RemoveUserFromGroup: group*
SetDefaultPolicyVersion: policy*
SetSTSRegionalEndpointStatus:
SetSecurityTokenServicePreferences:
SimulateCustomPolicy:
SimulatePrincipalPolicy: group role user
TagInstanceProfile: instance-profile* | aws:RequestTag/* aws:TagKeys
TagPolicy: policy* | aws:RequestTag/* aws:TagKeys
TagRole: role* | aws:RequestTag/* aws:TagKeys
TagUser: user* | aws:RequestTag/* aws:TagKeys
UntagInstanceProfile: instance-profile* | aws:TagKeys
UntagPolicy: policy* | aws:TagKeys
UntagRole: role* | aws:TagKeys
UntagUser: user* | aws:TagKeys
UpdateAccessKey: user*
UpdateAccountEmailAddress:
UpdateAccountName:
UpdateAssumeRolePolicy: role* | iam:PermissionsBoundary
UpdateGroup: group*
UpdateLoginProfile: user*
UpdateRole: role* | iam:PermissionsBoundary
UpdateRoleDescription: role* | iam:PermissionsBoundary
UpdateUser: user*
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"""

STS = """
AssumeRole: role* | accounts.google.com:aud accounts.google.com:sub aws:RequestTag/* aws:TagKeys
    cognito-identity.amazonaws.com:amr cognito-identity.amazonaws.com:aud
    cognito-identity.amazonaws.com:sub graph.facebook.com:app_id graph.facebook.com:id
    iam:ResourceTag/* saml:namequalifier saml:sub saml:sub_type sts:ExternalId sts:RoleSessionName
    sts:SourceIdentity sts:TransitiveTagKeys www.amazon.com:app_id www.amazon.com:user_id
AssumeRoleWithSAML: role* | aws:RequestTag/* aws:TagKeys saml:aud saml:cn saml:commonName saml:doc
    saml:eduorghomepageuri saml:eduorgidentityauthnpolicyuri saml:eduorglegalname
    saml:eduorgsuperioruri saml:eduorgwhitepagesuri saml:edupersonaffiliation
    saml:edupersonassurance saml:edupersonentitlement saml:edupersonnickname saml:edupersonorgdn
    saml:edupersonorgunitdn saml:edupersonprimaryaffiliation saml:edupersonprimaryorgunitdn
    saml:edupersonprincipalname saml:edupersonscopedaffiliation saml:edupersontargetedid
    saml:givenName saml:iss saml:mail saml:name saml:namequalifier saml:organizationStatus
    saml:primaryGroupSID saml:sub saml:sub_type saml:surname saml:uid saml:x500UniqueIdentifier
    sts:RoleSessionName sts:SourceIdentity sts:TransitiveTagKeys
AssumeRoleWithWebIdentity: role* | accounts.google.com:aud accounts.google.com:oaud
    accounts.google.com:sub aws:RequestTag/* aws:TagKeys cognito-identity.amazonaws.com:amr
    cognito-identity.amazonaws.com:aud cognito-identity.amazonaws.com:sub
    graph.facebook.com:app_id graph.facebook.com:id sts:RoleSessionName sts:SourceIdentity
    sts:TransitiveTagKeys www.amazon.com:app_id www.amazon.com:user_id
AssumeRoot: root-user* | sts:TaskPolicyArn
DecodeAuthorizationMessage:
GetAccessKeyInfo:
GetCallerIdentity:
GetDelegatedAccessToken:
GetFederationToken: federated-user user | aws:RequestTag/* aws:TagKeys
GetServiceBearerToken: | sts:AWSServiceName sts:DurationSeconds
GetSessionToken:
GetWebIdentityToken: | aws:RequestTag/* aws:TagKeys sts:DurationSeconds sts:IdentityTokenAudience
    sts:SigningAlgorithm
SetContext: role self-session | sts:RequestContext/* sts:RequestContextProviders
SetSourceIdentity: role user | sts:SourceIdentity
TagGetWebIdentityToken: | aws:RequestTag/* aws:TagKeys
TagSession: role user | aws:RequestTag/* aws:TagKeys saml:aud sts:TransitiveTagKeys
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html"""

CLOUDWATCH = """
DeleteAlarms: alarm*
DescribeAlarmHistory: alarm*
DescribeAlarms: alarm*
DescribeAlarmsForMetric:
DisableAlarmActions: alarm*
EnableAlarmActions: alarm*
GetMetricData:
GetMetricStatistics:
ListMetrics:
ListTagsForResource: alarm
PutCompositeAlarm: alarm* | aws:RequestTag/* aws:TagKeys cloudwatch:AlarmActions
PutMetricAlarm: alarm* | aws:RequestTag/* aws:TagKeys cloudwatch:AlarmActions
PutMetricData: | cloudwatch:namespace
SetAlarmState: alarm*
TagResource: alarm | aws:RequestTag/* aws:TagKeys
UntagResource: alarm | aws:TagKeys
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html"""

APPLICATION_AUTOSCALING = """
DeleteScalingPolicy: scalable-target* | application-autoscaling:service-namespace
    application-autoscaling:scalable-dimension
DeleteScheduledAction: scalable-target* | application-autoscaling:service-namespace
    application-autoscaling:scalable-dimension
DeregisterScalableTarget: scalable-target* | application-autoscaling:service-namespace
    application-autoscaling:scalable-dimension
DescribeScalableTargets:
DescribeScalingActivities:
DescribeScalingPolicies:
DescribeScheduledActions:
GetPredictiveScalingForecast:
ListTagsForResource: scalable-target*
PutScalingPolicy: scalable-target* | application-autoscaling:service-namespace
    application-autoscaling:scalable-dimension
PutScheduledAction: scalable-target* | application-autoscaling:service-namespace
    application-autoscaling:scalable-dimension
RegisterScalableTarget: scalable-target* | application-autoscaling:service-namespace
    application-autoscaling:scalable-dimension aws:RequestTag/* aws:TagKeys
TagResource: scalable-target* | aws:RequestTag/* aws:TagKeys
UntagResource: scalable-target* | aws:TagKeys
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html"""

SNS = """
ConfirmSubscription: topic*
CreateTopic: topic* | aws:RequestTag/* aws:TagKeys
DeleteTopic: topic*
GetSubscriptionAttributes:
GetTopicAttributes: topic*
ListSubscriptions:
ListSubscriptionsByTopic: topic*
ListTagsForResource: topic
ListTopics:
Publish: topic*
SetSubscriptionAttributes:
SetTopicAttributes: topic*
Subscribe: topic* | sns:Endpoint sns:Protocol
TagResource: topic | aws:RequestTag/* aws:TagKeys
Unsubscribe:
UntagResource: topic | aws:TagKeys
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html"""

CLOUDTRAIL = """
LookupEvents:
"""
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html"""

S3_EVERYWHERE = (
    "s3:authType",
    "s3:ResourceAccount",
    "s3:signatureAge",
    "s3:signatureversion",
    "s3:TlsVersion",
    "s3:x-amz-content-sha256",
)

OF_RESOURCES = {
    "sagemaker": ("aws:ResourceTag/*", "sagemaker:ResourceTag/*"),
    "s3": (),
    "logs": ("aws:ResourceTag/*",),
    "iam": ("aws:ResourceTag/*", "iam:ResourceTag/*"),
    "sts": ("aws:ResourceTag/*", "iam:ResourceTag/*"),
    "cloudtrail": (),
    "cloudwatch": ("aws:ResourceTag/*",),
    "application-autoscaling": ("aws:ResourceTag/*",),
    "sns": ("aws:ResourceTag/*",),
}
"""The keys that come with the resource an action is on, by service."""

EVERYWHERE = (
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:Referer",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:UserAgent",
)
"""Global keys of the request and the resource.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""


@dataclass(frozen=True)
class Authorized:
    """What AWS says of an action."""

    always: frozenset[str]
    """Resource types, all of which a request is on."""
    maybe: frozenset[str]
    """Resource types that a request may be on."""
    keys: frozenset[str]


@cache
def reference(service: str) -> dict[str, Authorized]:
    """The actions of a service, by name."""
    found: dict[str, Authorized] = {}
    for line in globals()[service.upper().replace("-", "_")].replace("\n    ", " ").split("\n"):
        name, _, rest = line.partition(":")
        if not name:
            continue
        types, _, keys = rest.partition("|")
        each = types.split()
        listed = [
            key for word in keys.split() for key in (S3_EVERYWHERE if word == "+" else [word])
        ]
        found[name] = Authorized(
            always=frozenset(kind[:-1] for kind in each if kind.endswith("*")),
            maybe=frozenset(kind for kind in each if not kind.endswith("*")),
            keys=frozenset((*listed, *(OF_RESOURCES[service] if each else ()))),
        )
    return found
